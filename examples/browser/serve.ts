// Serves a page that trains an embedding on the GPU: `npm run browser`, then open the address that it prints.
import { readFileSync } from "node:fs"
import { createServer, type Server } from "node:http"
import { triplet } from "lossc/stdlib"

const types: Readonly<Record<string, string>> = { html: "text/html", js: "text/javascript" }

/** The files of the page by path: two as they are, and the loss as a module for each target. */
export function pageFiles(folder: URL): ReadonlyMap<string, string> {
  const files = new Map<string, string>()
  for (const name of ["index.html", "page.js"])
    files.set(`/${name}`, readFileSync(new URL(name, folder), "utf8"))
  for (const target of ["js", "wgsl"] as const) {
    const module = triplet.emit({ target, grad: "all" }).find(({ name }) => name === "triplet.js")!
    files.set(`/triplet-${target}.js`, module.text)
  }
  return files
}

/** Serves the page from a folder on a port of this machine; 0 takes a free one. */
export function serve(folder: URL, port: number): Promise<Server> {
  const files = pageFiles(folder)
  const server = createServer(({ url = "/" }, response) => {
    const path = url === "/" ? "/index.html" : url
    const text = files.get(path)
    response.writeHead(text === undefined ? 404 : 200, {
      "content-type": `${types[path.split(".").at(-1)!] ?? "text/plain"}; charset=utf-8`,
      // Modules for the GPU need no code from strings.
      "content-security-policy": "default-src 'self'; style-src 'self' 'unsafe-inline'",
    })
    response.end(text ?? "there is no such file")
  })
  return new Promise((resolve, reject) => {
    server.once("error", reject)
    server.listen(port, "127.0.0.1", () => resolve(server))
  })
}

if (process.argv[1] === new URL(import.meta.url).pathname) {
  const port = Number(process.argv[2] ?? 8080)
  // The page stands beside the source of this file, not beside what is built of it.
  await serve(new URL("../../../examples/browser/", import.meta.url), port)
  console.log(`http://localhost:${port}`)
}
