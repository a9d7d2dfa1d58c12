// Reads the arguments of a loss from data files, and writes results as JSON that can be read back.
import { basename } from "node:path"
import { NpyError, readNpy, readNpz } from "../run/npy.ts"
import { UsageError } from "./options.ts"
import { readBytes } from "./sources.ts"
import type { Terminal } from "./terminal.ts"

/** The data is not what it should be: exit code 1. */
export class DataError extends Error {
  override readonly name = "DataError"
}

/** An argument as kernels take it. */
export type Value =
  number | boolean | string | { readonly data: ArrayLike<number>; readonly shape: readonly number[] }

/** The arguments that `--data` names, in order; a later file replaces what an earlier one gave. */
export function readData(terminal: Terminal, specifications: readonly string[]): Map<string, Value> {
  const values = new Map<string, Value>()
  for (const specification of specifications) {
    const [, name, path] = /^(?:([A-Za-z_]\w*)=)?(.*)$/s.exec(specification)!
    const extension = path === "-" ? ".json" : /\.\w+$/.exec(path!)?.[0].toLowerCase()
    const bytes = path === "-" ? terminal.input() : readBytes(path!)
    try {
      if (extension === ".npy") values.set(name ?? basename(path!).replace(/\.\w+$/, ""), readNpy(bytes))
      else if (extension === ".npz") {
        if (name) throw new UsageError(`${path} names its arrays itself: --data ${path}`)
        for (const [key, array] of readNpz(bytes)) values.set(key, array)
      } else if (extension === ".json") {
        const json = parse(new TextDecoder().decode(bytes))
        if (name) values.set(name, value(json, name))
        else if (typeof json !== "object" || json === null || Array.isArray(json))
          throw new DataError("expected an object from names to values")
        else for (const [key, one] of Object.entries(json)) values.set(key, value(one, key))
      } else throw new UsageError(`${path} is neither .json nor .npy nor .npz`)
    } catch (error) {
      if (error instanceof NpyError || error instanceof DataError)
        throw new DataError(`${path}: ${error.message}`)
      throw error
    }
  }
  return values
}

/** `NAME=VALUE` pairs; a value is JSON, or a word. */
export function readPairs(option: string, pairs: readonly string[]): Map<string, Value> {
  const values = new Map<string, Value>()
  for (const pair of pairs) {
    const at = pair.indexOf("=")
    if (at < 1) throw new UsageError(`--${option} takes NAME=VALUE, not ${JSON.stringify(pair)}`)
    const text = pair.slice(at + 1)
    let json: unknown = text
    try {
      json = JSON.parse(text)
    } catch {
      // A word such as the member of a choice.
    }
    values.set(pair.slice(0, at), value(json, pair.slice(0, at)))
  }
  return values
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new DataError(`this is not JSON: ${(error as Error).message}`)
  }
}

const words: Readonly<Record<string, number>> = { NaN, Infinity, "-Infinity": -Infinity }

/** As many as NumPy allows. */
const mostAxes = 64

/** A nested array as data and shape; a scalar as itself. */
function value(json: unknown, where: string): Value {
  if (typeof json === "number" || typeof json === "boolean") return json
  if (typeof json === "string") return Object.hasOwn(words, json) ? words[json]! : json
  if (!Array.isArray(json))
    throw new DataError(
      `${where} is ${json === null ? "null" : "an object"}; expected a number or a nested array`,
    )
  const shape: number[] = []
  for (let level: unknown = json; Array.isArray(level); level = level[0]) shape.push(level.length)
  if (shape.length > mostAxes) throw new DataError(`${where} has more than ${mostAxes} axes`)
  const data: number[] = []
  const fill = (level: unknown, depth: number, place: string): void => {
    if (depth < shape.length) {
      if (!Array.isArray(level)) throw new DataError(`${place} is not an array, but its neighbours are`)
      if (level.length !== shape[depth])
        throw new DataError(`${place} has ${level.length} elements, but its neighbours have ${shape[depth]}`)
      for (let i = 0; i < level.length; i++) fill(level[i], depth + 1, `${place}[${i}]`)
    } else if (typeof level === "number") data.push(level)
    else if (typeof level === "boolean") data.push(level ? 1 : 0)
    else if (typeof level === "string" && Object.hasOwn(words, level)) data.push(words[level]!)
    else
      throw new DataError(
        `${place} is ${Array.isArray(level) ? "an array" : JSON.stringify(level)}, not a number`,
      )
  }
  fill(json, 0, where)
  return { data: Float64Array.from(data), shape }
}

/** Numbers for JSON: the three values that it lacks become strings. */
export function number(value: number): number | string {
  return Number.isFinite(value) ? value : String(value)
}

/** A flat array as nested arrays of the given shape. */
export function nested(data: ArrayLike<number>, shape: readonly number[]): unknown {
  let at = 0
  const build = (depth: number): unknown =>
    depth === shape.length
      ? number(data[at++]!)
      : Array.from({ length: shape[depth]! }, () => build(depth + 1))
  return build(0)
}

/** JSON with one line per row: arrays of numbers stay on a line. */
export function pretty(value: unknown, indent = ""): string {
  if (Array.isArray(value)) {
    if (value.every((one) => !Array.isArray(one)))
      return `[${value.map((one) => JSON.stringify(one)).join(", ")}]`
    return `[\n${value.map((one) => `${indent}  ${pretty(one, `${indent}  `)}`).join(",\n")}\n${indent}]`
  }
  if (typeof value === "object" && value !== null) {
    const rows = Object.entries(value).map(
      ([key, one]) => `${indent}  ${JSON.stringify(key)}: ${pretty(one, `${indent}  `)}`,
    )
    return rows.length === 0 ? "{}" : `{\n${rows.join(",\n")}\n${indent}}`
  }
  return JSON.stringify(value) ?? "null"
}
