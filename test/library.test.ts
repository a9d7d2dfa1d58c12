// Generated from the library: every loss is documented with its source, its examples hold, and its kernels are deterministic.
import { readFileSync, readdirSync } from "node:fs"
import { describe, expect, test } from "vitest"
import { splitArguments } from "../docs/call.ts"
import type { Argument, Loss as LossTree } from "../grammar/ast.ts"
import { parse } from "../grammar/parser.ts"
import { source } from "../src/source.ts"
import * as library from "../src/stdlib.ts"

const folder = new URL("../stdlib/", import.meta.url)

interface Entry {
  readonly name: string
  readonly file: string
  readonly tree: LossTree
  readonly doc: string
}

const entries: readonly Entry[] = readdirSync(folder)
  .filter((file) => file.endsWith(".loss"))
  .flatMap((file) => {
    const parsed = parse(source(readFileSync(new URL(file, folder), "utf8"), file))
    return parsed.file.declarations
      .filter((one) => one.kind === "loss")
      .map((tree) => ({
        name: tree.name.name,
        file,
        tree,
        doc: tree.docs.map((line) => line.text).join("\n"),
      }))
  })

// ------------------------------------------------------------------------------------- examples

/** A call in a doc comment: `example: huber([3], [0], delta = 2) = 4`. */
interface Example {
  readonly text: string
  readonly positional: readonly unknown[]
  readonly named: Readonly<Record<string, unknown>>
  readonly value: number
  /** Half a unit of the last digit that is written. */
  readonly tolerance: number
}

function examples(entry: Entry): Example[] {
  return [...entry.doc.matchAll(/^ *example: (\w+)\((.*)\) = (\S+)$/gm)].map(
    ([text, name, inside, written]) => {
      if (name !== entry.name) throw new Error(`the example of ${entry.name} calls ${name}`)
      const parts = splitArguments(inside!)
      const isNamed = (part: string): boolean => /^\w+ = /.test(part)
      const [digits, exponent = "0"] = written!.split("e")
      const places = (digits!.split(".")[1]?.length ?? 0) - Number(exponent)
      return {
        text: text.trim(),
        positional: parts.filter((part) => !isNamed(part)).map((part) => JSON.parse(part) as unknown),
        named: Object.fromEntries(
          parts
            .filter(isNamed)
            .map((part) => [part.split(" = ")[0]!, JSON.parse(part.split(" = ")[1]!) as unknown]),
        ),
        value: Number(written),
        tolerance: digits!.includes(".")
          ? 0.51 * 10 ** -places
          : 1e-12 * Math.max(1, Math.abs(Number(written))),
      }
    },
  )
}

const shapeOf = (value: unknown): number[] =>
  Array.isArray(value) ? [value.length, ...shapeOf(value[0])] : []

/** A nested list as an array of the kind that the argument takes; a plain option stays what it is. */
function array(value: unknown, { type }: Argument): unknown {
  if (!Array.isArray(value)) return value
  const flat = value.flat(Infinity) as (number | boolean)[]
  const scalar = type?.scalar
  const isInt = scalar?.kind === "index" || (scalar?.kind === "plain" && scalar.type === "int")
  const isBool = scalar?.kind === "plain" && scalar.type === "bool"
  const kind = isInt ? Int32Array : isBool ? Uint8Array : Float64Array
  return { data: kind.from(flat.map(Number)), shape: shapeOf(value) }
}

const isStatic = (argument: Argument): boolean =>
  argument.modifier === "static" || argument.type?.scalar?.kind === "choice"

/** The mean over rows of a library loss on the arguments of an example. */
function run(entry: Entry, example: Example, target: "interpret" | "js"): number {
  const all = [...entry.tree.arguments, ...entry.tree.options]
  const bags = { call: {} as Record<string, unknown>, static: {} as Record<string, unknown> }
  const given = [
    ...example.positional.map((value, at) => [all[at]!, value] as const),
    ...Object.entries(example.named).map(([name, value]) => {
      const argument = all.find((one) => one.name.name === name)
      if (!argument) throw new Error(`${entry.name} has no argument ${name}`)
      return [argument, value] as const
    }),
  ]
  for (const [argument, value] of given)
    bags[isStatic(argument) ? "static" : "call"][argument.name.name] = array(value, argument)
  const loss = (
    library as unknown as Record<string, { kernel(options: object): (inputs: object) => { loss: number } }>
  )[entry.name]!
  return loss.kernel({ target, dtype: "f64", static: bags.static })(bags.call).loss
}

describe.each(entries)("$name", (entry) => {
  test("says what it is for, where it comes from and shows examples", () => {
    const paragraphs = entry.doc.split(/\n\s*\n/)
    expect(paragraphs[0]!.trim(), "what it is for").toMatch(/^[A-Z][^]*[.]$/)
    expect(paragraphs[1] ?? "", "a paper with its year, or a library").toMatch(
      /\b(18|19|20)\d\d\b|torch\.nn\.|optax\.|Keras/,
    )
    expect(examples(entry).length, "examples").toBeGreaterThan(1)
    expect(entry.doc.match(/example:/g)?.length, "examples that can be read").toBe(examples(entry).length)
  })

  test.each(examples(entry))("$text", (example) => {
    for (const target of ["interpret", "js"] as const) {
      const found = run(entry, example, target)
      expect(Math.abs(found - example.value), `${target} gives ${found}`).toBeLessThanOrEqual(
        example.tolerance,
      )
    }
  })

  test("emits the same bytes twice", () => {
    const text = (): string => {
      const loss = (library as unknown as Record<string, { emit(options: object): unknown }>)[entry.name]!
      return JSON.stringify(loss.emit({ target: "js" }))
    }
    expect(text()).toBe(text())
  })
})
