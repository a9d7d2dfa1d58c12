// The catalogue: what is on disk is what `npm run docs` writes, its mathematics can be rendered, and its pictures are sound.
import { existsSync, readFileSync, readdirSync } from "node:fs"
import katex from "katex"
import { describe, expect, test } from "vitest"
import { catalogue } from "../docs/catalogue.ts"
import { readSlice, writeSlice } from "../docs/slice.ts"
import { libraryLosses } from "../src/stdlib.generated.ts"

const folder = new URL("../docs/", import.meta.url)
const files = catalogue()
const pages = [...files].filter(([path]) => path.endsWith(".md"))
const pictures = [...files].filter(([path]) => path.endsWith(".svg"))

test("the files on disk are those that are generated: run `npm run docs`", () => {
  const there = ["curves", "losses"].flatMap((part) =>
    readdirSync(new URL(`${part}/`, folder)).map((name) => `${part}/${name}`),
  )
  expect([...there, "losses.md"].sort()).toEqual([...files.keys()].sort())
  const stale = [...files].filter(([path, text]) => readFileSync(new URL(path, folder), "utf8") !== text)
  expect(stale.map(([path]) => path)).toEqual([])
})

describe("the pages", () => {
  const anchors = new Map(
    pages.map(([path, text]) => [
      path,
      [...text.matchAll(/^#+ (.*)$/gm)].map(([, title]) => title!.toLowerCase().replace(/[^\w -]/g, "")),
    ]),
  )

  test("have every loss once in the index", () => {
    for (const { name } of libraryLosses)
      expect(files.get("losses.md")!.split(`[\`${name}\`](`)).toHaveLength(2)
  })

  test.each(pages)("%s links to what exists", (path, text) => {
    const own = anchors.get(path)!
    expect(new Set(own).size).toBe(own.length)
    const prose = text.replace(/^```[^]*?^```$/gm, "")
    for (const [, target, , anchor] of prose.matchAll(/\]\(([^)#]+)(#([^)]+))?\)/g)) {
      const url = new URL(target!, new URL(path, folder))
      expect(existsSync(url), target).toBe(true)
      if (anchor) expect(anchors.get(target!), target).toContain(anchor)
    }
  })

  test.each(pages)("%s is short enough to be shown", (_, text) => expect(text.length).toBeLessThan(200_000))
})

test("the mathematics can be rendered, without macros that GitHub refuses", () => {
  const blocks = pages.flatMap(([, text]) =>
    [...text.matchAll(/^```math\n([^]*?)\n```$/gm)].map(([, latex]) => latex!),
  )
  expect(blocks).toHaveLength(2 * libraryLosses.length)
  for (const latex of blocks) {
    katex.renderToString(latex, { displayMode: true, throwOnError: true, strict: "error" })
    expect(latex).not.toMatch(/\\(operatorname|mbox|phantom|def|newcommand)\b|^\s*$/m)
  }
})

describe("pictures", () => {
  test.each(pictures)("%s is small, has a title and only numbers", (_, text) => {
    expect(text.length).toBeLessThan(8_000)
    expect(text).toMatch(/<title id="t">[^<]+<\/title>/)
    expect(text).not.toMatch(/NaN|Infinity|undefined/)
    const open: string[] = []
    for (const [, end, name, alone] of text.matchAll(/<(\/?)(\w+)[^>]*?(\/?)>/g)) {
      if (end) expect(open.pop()).toBe(name)
      else if (!alone) open.push(name!)
    }
    expect(open).toEqual([])
  })

  test("every loss changes along its slice", () => {
    for (const [path, text] of pictures) {
      const lines = [...text.matchAll(/<path d="([^"]*)" stroke="[^"]*" stroke-width="2"\/>/g)]
      expect(lines.length, path).toBeGreaterThan(0)
      const heights = lines.flatMap(([, d]) => [...d!.matchAll(/[ML]\S+ ([^ML]+)/g)].map(([, y]) => y))
      expect(new Set(heights).size, path).toBeGreaterThan(1)
    }
  })
})

test("a slice is read as it is written", () => {
  const text = "arcFace([[cos(x), sin(x)]], [0 | 1], scale = 2) for x in -3.5 .. 1e-3"
  expect(readSlice(writeSlice(readSlice(text)))).toEqual(readSlice(text))
  expect(writeSlice(readSlice(text))).toBe(text.replace("1e-3", "0.001"))
  expect(() => readSlice("mse(x, 0)")).toThrow(/not a curve/)
})
