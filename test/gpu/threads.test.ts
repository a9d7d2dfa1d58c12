// Modules for several threads in pages of a headless Chromium: isolated, where memory can be shared, and not.
import { createServer, type Server } from "node:http"
import type { AddressInfo } from "node:net"
import { expect, test } from "vitest"
import { infoNce } from "../../src/stdlib.ts"
import { launch } from "./chromium.ts"
import { describeGpu } from "./device.ts"

const rows = 300

const module = (threads: number): string => infoNce.emit({ target: "wasm", grad: "all", threads })[0]!.text

/** A module whose calls leave all blocks to the worker once it is ready, and that shows its workers. */
const leaving = (text: string): string =>
  `${text.replace(
    /new Workers\(shared, (.*)\)\n/,
    "new Workers(shared, $1, { isIdle: true })\n",
  )}\nrun.workers = workers\n`

const page = `<!doctype html><title>threads</title><p>threads</p><script type="module" src="/page.js"></script>`

/** Runs both modules on the same numbers, and notes what of the results has the same bits. */
const script = `
import one from "/one.js"
import two from "/two.js"

const wave = (seed) => Float32Array.from({ length: ${rows} * 16 }, (_, i) => Math.sin(seed + 12.9898 * i) * 3)
const inputs = { q: { data: wave(1), shape: [${rows}, 16] }, k: { data: wave(2), shape: [${rows}, 16] } }
const text = ({ loss, grad }) => [loss, ...grad.q, ...grad.k].join()
const wanted = text(one(inputs))
const same = [text(two(inputs)) === wanted]
while (two.workers && !two.workers.isReady(1)) await new Promise((resolve) => setTimeout(resolve, 10))
for (let i = 0; i < 3; i++) same.push(text(two(inputs)) === wanted)
window.found = { isIsolated: crossOriginIsolated, workers: two.workers ? two.workers.count : 0, same }
two.destroy()
document.body.dataset.done = ""
`

/** Serves the page, isolated from those of other origins or not. */
function serve(isIsolated: boolean): Promise<Server> {
  const files = new Map([
    ["/", page],
    ["/page.js", script],
    ["/one.js", module(1)],
    ["/two.js", leaving(module(2))],
  ])
  const server = createServer(({ url = "/" }, response) => {
    const text = files.get(url)
    response.writeHead(text === undefined ? 404 : 200, {
      "content-type": url === "/" ? "text/html" : "text/javascript",
      ...(isIsolated && {
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-embedder-policy": "require-corp",
      }),
    })
    response.end(text)
  })
  return new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(server)))
}

describeGpu(() => {
  test.each([
    ["an isolated page has a worker", true],
    ["any other page runs on one thread", false],
  ])(
    "%s, and the bits of one thread",
    async (_, isIsolated) => {
      const browser = await launch()
      const server = await serve(isIsolated)
      try {
        const page = await browser.newPage()
        const faults: string[] = []
        page.on("pageerror", (error) => faults.push(String(error)))
        await page.goto(`http://localhost:${(server.address() as AddressInfo).port}/`)
        await page.waitForSelector("body[data-done]", { timeout: 100_000 })
        expect(faults).toEqual([])
        expect(await page.evaluate("window.found")).toEqual({
          isIsolated,
          workers: isIsolated ? 1 : 0,
          same: [true, true, true, true],
        })
      } finally {
        await browser.close()
        server.close()
      }
    },
    200_000,
  )
})
