// Operators and functions of WGSL -> JavaScript. Types decide how numbers round and wrap.

export type Type = "f32" | "i32" | "u32" | "bool" | "vec3" | "vec4f" | "vec4i" | "vec4u"
/** An expression of JavaScript, and the type it has in WGSL. */
export interface Typed {
  readonly type: Type
  readonly text: string
}

/** Vectors of four, by the type of their parts, and back. */
export const vectors = { f32: "vec4f", i32: "vec4i", u32: "vec4u" } as const
export const parts = { vec4f: "f32", vec4i: "i32", vec4u: "u32" } as const

/** How tightly binary operators hold together. */
export const levels: Readonly<Record<string, number>> = Object.fromEntries(
  [
    ["||"],
    ["&&"],
    ["|"],
    ["^"],
    ["&"],
    ["==", "!="],
    ["<", ">", "<=", ">="],
    ["<<", ">>"],
    ["+", "-"],
    ["*", "/", "%"],
  ].flatMap((list, level) => list.map((op) => [op, level])),
)

/** What the expressions call. */
export const prelude = `
const $f = Math.fround, $words = new DataView(new ArrayBuffer(4))
const $even = (x) => { const y = Math.round(x); return y - x === 0.5 && y % 2 !== 0 ? y - 1 : y }
const $trunc = (x, low, high) => (x !== x ? 0 : Math.min(Math.max(Math.trunc(x), low), high))
const $put = { f32: (x) => $words.setFloat32(0, x), i32: (x) => $words.setInt32(0, x), u32: (x) => $words.setUint32(0, x) }
const $take = { f32: () => $words.getFloat32(0), i32: () => $words.getInt32(0), u32: () => $words.getUint32(0) }
const $bitcast = (from, to, x) => ($put[from](x), $take[to]())
const $vec4 = (x, y = x, z = x, w = x) => ({ x, y, z, w })
const $getVector = ($I, name, i) =>
  $vec4($get($I, name, 4 * i), $get($I, name, 4 * i + 1), $get($I, name, 4 * i + 2), $get($I, name, 4 * i + 3))
const $setVector = ($I, name, i, { x, y, z, w }) => [x, y, z, w].forEach((v, k) => $set($I, name, 4 * i + k, v))
// A device may write all of a vector in order to write a part.
const $setPart = ($I, name, i, k, x) => $setVector($I, name, i, { ...$getVector($I, name, i), ["xyzw"[k]]: x })
function* $subgroup($I, name, type, x) {
  $I.exchange = { name, type, x }
  yield "subgroup"
  return $I.exchange.x
}
function* $uniformLoad($I, name, i) {
  yield "workgroup"
  const x = $get($I, name, i)
  yield "workgroup"
  return x
}
`

export function typeOf(name: string): Type {
  if (name === "vec3") return "vec3"
  if (name === "f32" || name === "i32" || name === "u32" || name === "bool") return name
  throw new Error(`no type that is known: ${name}`)
}

export function literal(word: string): Typed {
  if (/^0x|u$/.test(word)) return { type: "u32", text: String(Number(word.replace(/u$/, ""))) }
  const isFloat = /[.ef]/.test(word)
  const value = Number(word.replace(/[fi]$/, ""))
  return isFloat ? { type: "f32", text: String(Math.fround(value)) } : { type: "i32", text: String(value) }
}

function wrapped(type: Type, text: string): string {
  if (type === "f32") return `$f(${text})`
  return type === "u32" ? `((${text}) >>> 0)` : `((${text}) | 0)`
}

export function binary(op: string, x: Typed, y: Typed): Typed {
  const { type } = x
  const plain = `(${x.text} ${op === "==" ? "===" : op === "!=" ? "!==" : op} ${y.text})`
  if (levels[op]! <= levels["&&"]! || (levels[op]! >= levels["=="]! && levels[op]! <= levels["<"]!))
    return { type: "bool", text: plain }
  if (op === ">>" && type === "u32") return { type, text: `(${x.text} >>> ${y.text})` }
  if (op === "*" && type !== "f32") return { type, text: wrapped(type, `Math.imul(${x.text}, ${y.text})`) }
  if (op === "/" && type !== "f32") return { type, text: wrapped(type, `Math.trunc(${plain})`) }
  return { type, text: wrapped(type, plain) }
}

export function builtin(name: string, to: string, args: readonly Typed[]): Typed {
  const texts = args.map(({ text }) => text)
  const [x, y, z] = texts as [string, string, string]
  const { type } = args[0]!
  switch (name) {
    case "bitcast":
      return { type: typeOf(to), text: `$bitcast("${type}", "${to}", ${x})` }
    case "vec4":
      return { type: vectors[to as keyof typeof vectors], text: `$vec4(${texts.join(", ")})` }
    case "vec3":
      return { type: "vec3", text: `({ x: ${x}, y: ${y}, z: ${z} })` }
    case "f32":
      return { type: "f32", text: type === "bool" ? `(${x} ? 1 : 0)` : `$f(${x})` }
    case "i32":
      return { type: "i32", text: type === "f32" ? `$trunc(${x}, -2147483648, 2147483647)` : `(${x} | 0)` }
    case "u32":
      return { type: "u32", text: type === "f32" ? `$trunc(${x}, 0, 4294967295)` : `(${x} >>> 0)` }
    case "select":
      return { type, text: `((${z}) ? ${y} : ${x})` }
    case "clamp":
      return { type, text: `Math.min(Math.max(${x}, ${y}), ${z})` }
    case "round":
      return { type, text: `$even(${x})` }
    case "sqrt":
      return { type, text: `$f(Math.sqrt(${x}))` }
    case "countLeadingZeros":
      return { type, text: `Math.clz32(${x})` }
    case "min":
    case "max":
    case "abs":
    case "floor":
    case "ceil":
    case "sign":
      return { type, text: `Math.${name}(${texts.join(", ")})` }
  }
  throw new Error(`no function that is known: ${name}`)
}
