// Which slice through a loss is drawn: a call with an `x` in it, and a range for the x.
//
// A documentation comment may say it: `curve: huber(x, 0, delta = 0.5 | 1 | 2) for x in -3 .. 3`. Values are expressions of the
// language over x; what stands between bars is drawn as several curves. Otherwise it follows from the signature.
import { definitions } from "../src/graph.ts"
import type { Entry } from "../src/docs/entry.ts"
import type { Loss } from "../src/loss.ts"
import type { ArgumentInfo } from "../src/signature.ts"
import { type Call, type Value, leaves, mapLeaves, readCall, writeCall } from "./call.ts"

/** A slice: what is called, and where x runs. */
export interface Slice {
  readonly call: Call
  readonly low: number
  readonly high: number
}

/** The slices that may be drawn of a loss, the best first. One along which the loss hardly changes says nothing. */
export function slicesOf(entry: Entry, loss: Loss): readonly Slice[] {
  if (entry.curve !== undefined) return [readSlice(entry.curve)]
  const samples = entry.inputs.filter((one) => one.role !== "option")
  const batch = loss.batch.map((axis) => axis.name)
  const own = (one: ArgumentInfo): readonly string[] => one.axes.filter((axis) => !batch.includes(axis))
  const [first] = samples
  const needsOptions = entry.inputs.some((one) => one.role === "option" && !one.optional)
  const other = [
    ...entry.examples.flatMap((example) => throughExample(entry, example)),
    ...entry.examples.map((example) => alongAll(entry, example)),
  ]
  if (needsOptions || first?.type !== "real" || mixesRows(loss)) return other
  if (samples.every((one) => own(one).length === 0))
    return batch.filter((axis) => axis !== "...").length < 2 ? [pointwise(entry, samples), ...other] : other
  const [, label, more] = samples.filter((one) => !one.optional)
  const isScores = own(first).length === 1 && label?.label && own(label).length === 0 && !more
  return isScores ? [scores(entry, first, label), ...other] : other
}

/** Whether the loss of a row reads other rows. */
function mixesRows({ batch, value }: Loss): boolean {
  const bound = definitions([value]).flatMap((def) => def.bound.map((axis) => axis.extent))
  return batch.some((axis) => bound.includes(axis.extent))
}

/** Reads `call for x in low .. high`. */
export function readSlice(text: string): Slice {
  const match = /^(.*) for x in (\S+) \.\. (\S+)$/.exec(text)
  if (!match) throw new Error(`not a curve: ${text}`)
  return { call: readCall(match[1]!), low: Number(match[2]), high: Number(match[3]) }
}

/** Writes a slice as it is read. */
export const writeSlice = ({ call, low, high }: Slice): string =>
  `${writeCall(call)} for x in ${low} .. ${high}`

// ------------------------------------------------------------------------------------------------ rules

/** Half the width of a range that no domain limits. */
const reach = 3

/** Over the first argument, at a few values of the second or of an option. */
function pointwise(entry: Entry, samples: readonly ArgumentInfo[]): Slice {
  const [first, ...others] = samples
  const required = others.filter((one) => !one.optional)
  const chosen = required.find((one) => alternatives(one).length > 1)
  const positional = [
    "x",
    ...required.map((one) => (one === chosen ? alternatives(one).join(" | ") : alternatives(one)[0]!)),
  ].map((text): Value => ({ text }))
  const call: Call = { name: entry.name, positional, named: chosen ? [] : settings(entry) }
  const { low, high } = limits(first!)
  const from = low ?? (high === undefined ? -reach : high - 2 * reach)
  return { call, low: from, high: high ?? (low === undefined ? reach : low + reach) }
}

/** Over the score of one class of three, where it is the right one and where it is not. */
function scores(entry: Entry, input: ArgumentInfo, label: ArgumentInfo): Slice {
  const row = (list: readonly string[]): Value => ({ items: list.map((text) => ({ text })) })
  const rows = (value: Value, { axes }: ArgumentInfo): Value =>
    axes.some((axis) => axis !== "..." && axis !== label.label?.axis) ? { items: [value] } : value
  const call: Call = {
    name: entry.name,
    positional: [rows(row(["x", "0", "0"]), input), rows({ text: "0 | 1" }, label)],
    named: [],
  }
  const { low, high } = limits(input)
  return { call, low: low ?? -reach, high: high ?? reach }
}

/** Through an example, over one number after the other of its real arguments. */
function throughExample(entry: Entry, text: string): readonly Slice[] {
  const example = readCall(text.replace(/ = \S+$/, ""))
  const named = example.named.length > 0 ? example.named : settings(entry)
  return example.positional.flatMap((value, at) => {
    const input = entry.inputs[at]!
    const { low = -Infinity, high = Infinity } = limits(input)
    const list = input.type === "real" ? leaves(value).slice(0, mostTried) : []
    return list.map((middle, place): Slice => {
      let i = 0
      const moved = mapLeaves(value, (leaf) => (i++ === place ? "x" : leaf))
      return {
        call: { name: entry.name, positional: example.positional.with(at, moved), named },
        low: Math.max(low, rounded(Number(middle) - 2)),
        high: Math.min(high, rounded(Number(middle) + 2)),
      }
    })
  })
}

const rounded = (value: number): number => Number(value.toPrecision(3))

/** Through an example, over all numbers of its real arguments together: where each of them alone changes nothing. */
function alongAll(entry: Entry, text: string): Slice {
  const example = readCall(text.replace(/ = \S+$/, ""))
  const rates = ["x", "-0.5 * x", "0.7 * x", "-0.2 * x", "0.4 * x"]
  let i = 0
  const moved = (leaf: string): string => {
    const step = rates[i++ % rates.length]!
    return Number(leaf) === 0 ? step : `${leaf} + ${step}`
  }
  const positional = example.positional.map((value, at) =>
    entry.inputs[at]!.type === "real" ? mapLeaves(value, moved) : value,
  )
  return { call: { ...example, positional }, low: -2, high: 2 }
}

/** How many numbers of an argument are tried. */
const mostTried = 6

/** Values of an argument that are worth a curve each. */
function alternatives(one: ArgumentInfo): readonly string[] {
  if (one.type === "bool") return ["true", "false"]
  if (one.type === "int") return ["1", "-1"]
  const { low, high } = limits(one)
  if (low === 0 && high === 1) return ["0", "1"]
  return [String(low !== undefined && low >= 0 ? low + 1 : high !== undefined && high <= 0 ? high - 1 : 0)]
}

/** An option of some size at half its default, at it and at twice as much. */
function settings(entry: Entry): Call["named"] {
  for (const one of entry.inputs) {
    const { role, type, default: initial } = one
    if (role !== "option" || type !== "real" || one.axes.length > 0 || typeof initial !== "number") continue
    if (!(initial >= 1e-3 && initial < Infinity) || one.static) continue
    const values = [initial / 2, initial, 2 * initial].filter((x) => admits(one, x))
    return [[one.name, { text: values.join(" | ") }]]
  }
  return []
}

/** Whether a number lies in the declared domain, as far as that is numbers. */
function admits(one: ArgumentInfo, value: number): boolean {
  const { low = -Infinity, high = Infinity } = limits(one)
  const isOpen = (sign: string, end: number): boolean => (one.domain ?? "").includes(`${sign} ${end}`)
  return value >= low && value <= high && !["<", ">", "!="].some((sign) => isOpen(sign, value))
}

/** The ends of a declared domain that are numbers. */
function limits({ domain = "" }: ArgumentInfo): { readonly low?: number; readonly high?: number } {
  const interval = /^in \[(\S+), (\S+)\]$/.exec(domain)
  const low = interval?.[1] ?? />=? (\S+)/.exec(domain)?.[1]
  const high = interval?.[2] ?? /<=? (\S+)/.exec(domain)?.[1]
  const number = (text: string | undefined): number | undefined =>
    text !== undefined && Number.isFinite(Number(text)) ? Number(text) : undefined
  const [from, to] = [number(low), number(high)]
  return { ...(from !== undefined && { low: from }), ...(to !== undefined && { high: to }) }
}
