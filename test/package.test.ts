// What the package promises about itself: entries that exist, exact versions, files that say what they are for.
import { existsSync, readFileSync, readdirSync } from "node:fs"
import { describe, expect, test } from "vitest"

const description = JSON.parse(readFileSync("package.json", "utf8")) as {
  exports: Record<string, string | { types: string; default: string }>
  bin: Record<string, string>
  dependencies: Record<string, string>
  devDependencies: Record<string, string>
}
const sources = ["src", "grammar"].flatMap((folder) =>
  readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => `${folder}/${name}`),
)

/** The source of a file that the build writes. */
const sourceOf = (built: string): string =>
  built.replace(/^(\.\/)?dist\//, "").replace(/\.js$|\.d\.ts$/, ".ts")

describe("package.json", () => {
  test("every entry is built from a source that exists", () => {
    for (const entry of Object.values(description.exports))
      if (typeof entry !== "string")
        for (const path of Object.values(entry)) expect(existsSync(sourceOf(path)), path).toBe(true)
    for (const path of Object.values(description.bin))
      expect(readFileSync(sourceOf(path), "utf8")).toMatch(/^#!\/usr\/bin\/env node\n/)
  })

  test("dependencies have exact versions, and one of them is needed at run time", () => {
    expect(Object.keys(description.dependencies)).toEqual(["chevrotain"])
    for (const version of [
      ...Object.values(description.dependencies),
      ...Object.values(description.devDependencies),
    ])
      expect(version).toMatch(/^\d+\.\d+\.\d+$/)
  })

  test("the lock file names no host", () => {
    expect(readFileSync("package-lock.json", "utf8")).not.toContain('"resolved"')
  })

  test("the changelog has an entry for the version", () => {
    const { version } = JSON.parse(readFileSync("package.json", "utf8")) as { version: string }
    expect(readFileSync("CHANGELOG.md", "utf8")).toContain(`## ${version}`)
  })
})

describe("sources", () => {
  test.for(sources)("%s begins by saying what it is for", (path) => {
    const first = readFileSync(path, "utf8").replace(/^#!.*\n/, "")
    expect(first).toMatch(/^(\/\/|\/\*\*) ?\S/)
  })
})
