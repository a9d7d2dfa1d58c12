// The command line: what it prints where, and how it exits. Commands run in this process, with a terminal made of strings.
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, describe, expect, test } from "vitest"
import { run } from "../src/cli/run.ts"
import { commands } from "../src/cli/options.ts"
import type { Entry } from "../src/docs/entry.ts"
import { wantsColour } from "../src/cli/terminal.ts"
import { libraryLosses } from "../src/stdlib.generated.ts"
import { version } from "../src/version.generated.ts"

const folder = mkdtempSync(join(tmpdir(), "lossc-cli-"))
afterAll(() => rmSync(folder, { recursive: true }))

/** Writes a file into the test's folder and gives its path. */
function file(name: string, content: string | Uint8Array): string {
  const path = join(folder, name)
  writeFileSync(path, content)
  return path
}

/** Runs a command line. */
async function lossc(argv: readonly string[], input = "") {
  let out = ""
  let note = ""
  const code = await run(argv, {
    out: (text) => void (out += text),
    note: (text) => void (note += text),
    input: () => new TextEncoder().encode(input),
    colour: false,
    live: false,
  })
  return { code, out, note }
}

const triplet = file(
  "triplet.loss",
  `/// Triplet loss.
loss triplet[b](a: [d], p: [d], n: [d]; margin: real = 1) = relu(sqdist(a, p) - sqdist(a, n) + margin)
`,
)
const two = file("two.loss", "loss one[...](x) = x^2\nloss other[...](x) = abs(x)\n")
const wrong = file("wrong.loss", "loss l[...](x, margin) = relu(x + margn)\nloss m[...](x) = y\n")

describe("help and usage", () => {
  test("--version prints the version of the package", async () => {
    expect(version).toBe(JSON.parse(readFileSync("package.json", "utf8")).version)
    expect(await lossc(["--version"])).toEqual({ code: 0, out: `${version}\n`, note: "" })
  })

  test("--help names every command, and each command has its own", async () => {
    const { code, out } = await lossc(["--help"])
    expect(code).toBe(0)
    for (const name of Object.keys(commands)) {
      expect(out).toContain(`  ${name} `)
      const one = await lossc([name, "--help"])
      expect(one.code).toBe(0)
      for (const option of Object.keys(commands[name]!.options)) expect(one.out).toContain(`--${option}`)
      for (const line of one.out.split("\n")) expect(line.length, line).toBeLessThan(130)
    }
  })

  test.for([
    { argv: [], says: "usage: lossc COMMAND" },
    { argv: ["compil"], says: "did you mean compile?" },
    { argv: ["compile", "x.loss", "--tarrget", "js"], says: "did you mean --target?" },
    { argv: ["compile", "x.loss", "--target", "cuda"], says: "--target is one of js, wasm, wgsl" },
    { argv: ["eval", triplet, "--target", "wgsl"], says: "--target is one of js, interpret, wasm" },
    { argv: ["compile", "--dtype"], says: "--dtype needs a value" },
    { argv: ["compile"], says: "name a file" },
    { argv: ["compile", "nowhere.loss"], says: "cannot read nowhere.loss: there is no such file" },
    { argv: ["compile", folder], says: "it is a folder" },
    { argv: ["compile", triplet, triplet], says: "one file at a time" },
    { argv: ["compile", two], says: "has 2 losses" },
    { argv: ["compile", two, "--loss", "othr"], says: "did you mean other?" },
    { argv: ["compile", triplet, "--watch"], says: "-o DIR" },
    { argv: ["explain", "stdlib:tripplet"], says: "did you mean stdlib:triplet?" },
    { argv: ["eval", triplet, "--option", "margin"], says: "NAME=VALUE" },
    { argv: ["eval", triplet, "--data", "x.txt"], says: "cannot read x.txt" },
    { argv: ["compile", triplet, "--threads", "0"], says: "--threads takes a whole number" },
    { argv: ["gradcheck", triplet, "--runs", "many"], says: "--runs takes a whole number" },
  ])("wrong usage: $argv", async ({ argv, says }) => {
    const { code, out, note } = await lossc(argv)
    expect(note).toContain(says)
    expect({ code, out }).toEqual({ code: 2, out: "" })
  })

  test("NO_COLOR wins over FORCE_COLOR, which wins over the stream", () => {
    expect(wantsColour({}, true)).toBe(true)
    expect(wantsColour({}, false)).toBe(false)
    expect(wantsColour({ TERM: "dumb" }, true)).toBe(false)
    expect(wantsColour({ FORCE_COLOR: "1" }, false)).toBe(true)
    expect(wantsColour({ FORCE_COLOR: "0" }, true)).toBe(false)
    expect(wantsColour({ FORCE_COLOR: "1", NO_COLOR: "1" }, true)).toBe(false)
  })
})

describe("check", () => {
  test("a sound file says so on standard error only", async () => {
    const { code, out, note } = await lossc(["check", triplet, two])
    expect(note).toContain("2 losses, nothing wrong")
    expect({ code, out }).toEqual({ code: 0, out: "" })
  })

  test("all errors of all files are shown with their places", async () => {
    const { code, out, note } = await lossc(["check", wrong, triplet])
    expect({ code, out }).toEqual({ code: 1, out: "" })
    expect(note).toContain(`${wrong}:1:`)
    expect(note).toContain(`${wrong}:2:`)
    expect(note).toContain("`margin`")
    expect(note).toContain("2 errors")
  })

  test("warnings are shown and fail nothing", async () => {
    const path = file("unused.loss", "loss l[...](x, y) = x\n")
    const { code, note } = await lossc(["check", path])
    expect(code).toBe(0)
    expect(note).toContain("warning[")
    expect(note).toContain("1 warning")
    expect((await lossc(["compile", path])).note).toContain("warning[")
  })

  test("--json prints an array of diagnostics, empty if nothing is wrong", async () => {
    const { code, out, note } = await lossc(["check", "--json", wrong])
    expect({ code, note }).toEqual({ code: 1, note: "" })
    const found = JSON.parse(out) as { code: string; file: string; range: { start: { line: number } } }[]
    expect(found.map((one) => [one.code, one.file, one.range.start.line])).toEqual([
      ["unknown-name", wrong, 1],
      ["unknown-name", wrong, 2],
    ])
    expect(JSON.parse((await lossc(["check", "--json", triplet])).out)).toEqual([])
  })

  test("`-` is standard input", async () => {
    expect((await lossc(["check", "-"], "loss l[...](x) = x +")).code).toBe(1)
    expect((await lossc(["check", "-"], "loss l[...](x) = x")).code).toBe(0)
  })

  test("bytes that are not UTF-8 are refused", async () => {
    const { code, note } = await lossc(["check", file("latin.loss", Uint8Array.of(0x78, 0xe9))])
    expect(code).toBe(2)
    expect(note).toContain("is not UTF-8")
  })

  test("`use` reads files beside and below, and nothing else", async () => {
    file("shared.loss", "def twice(x) = 2 * x\n")
    const user = file("user.loss", 'use "./shared.loss"\nloss l[...](x) = twice(x)\n')
    expect(await lossc(["check", user])).toMatchObject({ code: 0 })
    mkdirSync(join(folder, "sub/deep"), { recursive: true })
    file("sub/one.loss", 'use "./deep/two.loss"\ndef one(x) = two(x)\n')
    file("sub/deep/two.loss", 'use "./three.loss"\ndef two(x) = three(x)\n')
    file("sub/deep/three.loss", "def three(x) = 3 * x\n")
    const chain = file("chain.loss", 'use "./sub/one.loss"\nloss l[...](x) = one(x)\n')
    expect(await lossc(["check", chain])).toMatchObject({ code: 0 })
    const thief = file("thief.loss", 'use "../../../../etc/hostname"\nloss l[...](x) = x\n')
    const { code, note } = await lossc(["check", thief])
    expect(code).toBe(1)
    expect(note).toContain("thief.loss:1:")
  })
})

describe("compile", () => {
  test("the module goes to standard output, and nothing else does", async () => {
    const { code, out, note } = await lossc(["compile", triplet, "--grad", "all"])
    expect({ code, note }).toEqual({ code: 0, note: "" })
    expect(out).toContain("export")
    expect(out).not.toContain("import ")
  })

  test("-o writes the module and its types, and the module computes the loss", async () => {
    const to = join(folder, "out")
    const { code, out, note } = await lossc(["compile", triplet, "--grad", "a,p", "--dtype", "f64", "-o", to])
    expect({ code, out }).toEqual({ code: 0, out: "" })
    expect(readdirSync(to).sort()).toEqual(["triplet.d.ts", "triplet.js"])
    expect(note).toContain("triplet.js")
    const { triplet: run } = (await import(/* @vite-ignore */ join(to, "triplet.js"))) as {
      triplet: (inputs: object) => { loss: number; grad: Record<string, Float64Array> }
    }
    const row = (...data: number[]): object => ({ data: Float64Array.from(data), shape: [1, 2] })
    const result = run({ a: row(0, 0), p: row(1, 0), n: row(1, 0) })
    expect(result.loss).toBe(1)
    expect(Object.keys(result.grad)).toEqual(["a", "p"])
    expect(result.grad["p"]![0]).toBe(2)
  })

  test("--threads makes a module that has workers, for the target wasm only", async () => {
    const { code, out } = await lossc(["compile", triplet, "--target", "wasm", "--threads", "3"])
    expect(code).toBe(0)
    expect(out).toContain("const threads = 3\n")
    const js = await lossc(["compile", triplet, "--threads", "3"])
    expect(js.code).toBe(1)
    expect(js.note).toContain("the target js runs on one thread")
  })

  test("--dts prints the types only", async () => {
    const { out } = await lossc(["compile", triplet, "--grad", "all", "--dts"])
    expect(out).toContain("export { run as triplet, run as default }")
    expect(out).not.toContain("for (")
  })

  test("a bare expression compiles, with params", async () => {
    const { code, out } = await lossc(["compile", "-e", "relu(x + margin)", "--param", "margin=1"])
    expect(code).toBe(0)
    expect(out).toContain("margin")
  })

  test("the same source gives the same bytes", async () => {
    const once = await lossc(["compile", "stdlib:crossEntropy", "--grad", "logits"])
    expect(await lossc(["compile", "stdlib:crossEntropy", "--grad", "logits"])).toEqual(once)
  })

  test("an unknown argument in --grad is a diagnostic", async () => {
    const { code, note } = await lossc(["compile", triplet, "--grad", "anchor"])
    expect(code).toBe(1)
    expect(note).toContain("anchor")
  })
})

test("explain says what a loss of the library is for, where it comes from and what PyTorch calls it", async () => {
  const { code, out } = await lossc(["explain", "stdlib:huber"])
  expect(code).toBe(0)
  const [, about, source, torch, formula] = out.split("\n\n")
  expect(about).toMatch(/^about\n {2}Huber loss/)
  expect(source).toMatch(/^source\n {2}Robust Estimation of a Location Parameter/)
  expect(torch).toBe("PyTorch\n  torch.nn.HuberLoss")
  expect(formula).toMatch(/^formula\n {2}let r = pred - target/)
})

test("explain --json gives what the catalogue says as data", async () => {
  const entry = JSON.parse((await lossc(["explain", "stdlib:triplet", "--json"])).out) as Entry
  expect(entry.signature).toBe(libraryLosses.find(({ name }) => name === "triplet")!.header)
  expect(entry.formula.text).toBe("relu(sqdist(a, p) - sqdist(a, n) + margin)")
  expect(entry.formula.latex).toMatch(/^L_\{b\} = \\max/)
  expect(entry.gradient.text).toContain("d a[b,d] = ")
  expect(entry.inputs.map(({ name }) => name)).toEqual(["a", "p", "n", "margin"])
  expect(JSON.parse((await lossc(["explain", two, "--json"])).out)).toHaveLength(2)
})

test("explain shows the signature, the gradients and the loops", async () => {
  const { code, out } = await lossc(["explain", triplet, "--grad", "all"])
  expect(code).toBe(0)
  expect(out).toContain("triplet")
  expect(out).toContain("margin")
})

describe("eval", () => {
  const data = file("data.json", '{ "a": [[0, 0]], "p": [[1, 0]], "n": [[1, 0]], "margin": 0.5 }')

  test.for(["js", "interpret"])("prints value, gradients and count as JSON, on %s", async (target) => {
    const { code, out, note } = await lossc([
      "eval",
      triplet,
      "--data",
      data,
      "--grad",
      "all",
      "--target",
      target,
    ])
    expect({ code, note }).toEqual({ code: 0, note: "" })
    expect(JSON.parse(out)).toEqual({
      loss: 0.5,
      grad: { a: [[0, 0]], p: [[2, 0]], n: [[-2, 0]] },
      count: 1,
    })
  })

  test("an option on the command line wins over the data", async () => {
    const { out } = await lossc(["eval", triplet, "--data", data, "--option", "margin=2"])
    expect(JSON.parse(out)).toEqual({ loss: 2, count: 1 })
  })

  test("a loss of the library runs on NumPy's files", async () => {
    const npy = (name: string, values: Float32Array, shape: string): string => {
      const header = `{'descr': '<f4', 'fortran_order': False, 'shape': (${shape}), }`.padEnd(117) + "\n"
      const bytes = Buffer.concat([
        Buffer.from("\x93NUMPY\x01\x00v\x00", "latin1"),
        Buffer.from(header),
        Buffer.from(values.buffer),
      ])
      return file(name, bytes)
    }
    const logits = npy("logits.npy", Float32Array.of(0.1, 0.2, 0.7, 0.3, 0.5, 0.2), "2, 3")
    const labels = npy("labels.npy", Float32Array.of(2, 1), "2,")
    const { code, out, note } = await lossc([
      "eval",
      "stdlib:crossEntropy",
      "--data",
      logits,
      "--data",
      `target=${labels}`,
    ])
    expect(note).toBe("")
    expect(code).toBe(0)
    expect((JSON.parse(out) as { loss: number }).loss).toBeCloseTo(0.8539, 4)
  })

  test("reduction none prints one loss per row", async () => {
    const { out } = await lossc(
      ["eval", "-e", "(x - y)^2", "--data", "-", "--reduction", "none"],
      '{ "x": [1, 2], "y": [0, 5] }',
    )
    expect(JSON.parse(out)).toEqual({ loss: [1, 9], count: 2 })
  })

  test("numbers that JSON lacks are strings, both ways", async () => {
    const { out } = await lossc(
      ["eval", "-e", "x", "--data", "-", "--grad", "x"],
      '{ "x": ["-Infinity", 1] }',
    )
    expect(JSON.parse(out)).toEqual({ loss: "-Infinity", grad: { x: [0.5, 0.5] }, count: 2 })
  })

  test.for([
    { data: "{", says: "not JSON" },
    { data: "[1]", says: "expected an object" },
    { data: '{ "x": [1, [2]] }', says: "x[1]" },
    { data: '{ "x": [[1, 2], [3]] }', says: "x[1] has 1 elements, but its neighbours have 2" },
    { data: '{ "x": null }', says: "x is null" },
    { data: '{ "x": ["a"] }', says: 'x[0] is "a"' },
    { data: `{ "x": ${"[".repeat(100)}1${"]".repeat(100)} }`, says: "axes" },
    { data: '{ "z": [1] }', says: "z" },
    { data: "{}", says: "x" },
  ])("data that is wrong exits with 1: $data", async ({ data, says }) => {
    const { code, out, note } = await lossc(["eval", "-e", "x^2", "--data", "-"], data)
    expect(note).toContain(says)
    expect({ code, out }).toEqual({ code: 1, out: "" })
    expect(note).not.toContain("fault of lossc")
  })
})

describe("gradcheck", () => {
  test("a loss of the library passes", async () => {
    const { code, out } = await lossc(["gradcheck", "stdlib:mse", "--runs", "5", "--seed", "1"])
    expect(code).toBe(0)
    expect(out).toContain("mse")
  })
})

describe("fmt", () => {
  test("rewrites a file once, and --check tells", async () => {
    const path = file("ugly.loss", "loss   l[...]( x ,y )=x-y\n")
    expect((await lossc(["fmt", "--check", path])).code).toBe(1)
    expect((await lossc(["fmt", path])).note).toBe(`rewrote ${path}\n`)
    expect(readFileSync(path, "utf8")).toBe("loss l[...](x, y) = x - y\n")
    expect(await lossc(["fmt", "--check", path])).toEqual({ code: 0, out: "", note: "" })
  })

  test("standard input is printed rewritten", async () => {
    expect(await lossc(["fmt", "-"], "loss l[...](x)=x")).toEqual({
      code: 0,
      out: "loss l[...](x) = x\n",
      note: "",
    })
  })

  test("a file with errors is left alone", async () => {
    const path = file("broken.loss", "loss l[...](x = x\n")
    expect((await lossc(["fmt", path])).code).toBe(1)
    expect(readFileSync(path, "utf8")).toBe("loss l[...](x = x\n")
  })
})

describe("list", () => {
  test("names every loss of the library, or those that a word picks", async () => {
    const { code, out } = await lossc(["list"])
    expect(code).toBe(0)
    for (const { name } of libraryLosses) expect(out).toContain(name)
    expect((await lossc(["list", "triplet"])).out).not.toContain("huber")
    expect(JSON.parse((await lossc(["list", "--json"])).out)).toHaveLength(libraryLosses.length)
    expect((await lossc(["list", "HuberLoss"])).out).toMatch(/^huber \(torch\.nn\.HuberLoss\)\n/)
    expect((await lossc(["list", "zebra"])).code).toBe(1)
  })
})
