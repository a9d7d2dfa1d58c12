// Turns the options of a kernel into settings: every option checked, defaults filled in.
import type { BlockSizes } from "../blocks/cut.ts"
import type { Accuracy } from "../emit/js.ts"
import type { KernelChoice, Loss } from "../loss.ts"
import type { Dtype, Input, Reduction } from "../types.ts"
import { doubles } from "./doubles.ts"
import { failure, listed, suggestion } from "./failure.ts"
import { isSize } from "./given.ts"
import { evaluator } from "./interpret.ts"
import { KernelMemory } from "./memory.ts"
import { canShare, mostThreads } from "./workers.js"
import { ownEntries, readStatics } from "./options.ts"

/** What a kernel is made for. */
export interface KernelOptions {
  /**
   * How it runs: generated JavaScript, generated WebAssembly, or the formula interpreted, which is slow and needs no code
   * generation. Default `js`.
   */
  readonly target?: "js" | "interpret" | "wasm" | "wgsl"
  /** Element type of gradients, and of arrays that it makes itself. Arithmetic is double. Default `f32`. */
  readonly dtype?: Dtype
  /** Default `mean`. */
  readonly reduction?: Reduction
  /** The arguments to differentiate by; `all` is every real one before the semicolon. Default none. */
  readonly grad?: "all" | readonly string[]
  /**
   * The arguments of Hessian-vector products: `result.hvp.x` is the sum over these arguments y of the second derivative by x and
   * y times the direction of y that the call brings. Default none.
   */
  readonly hvp?: "all" | readonly string[]
  /** Values of the static options, by name. */
  readonly static?: Readonly<Record<string, number | string | boolean>>
  /** Sizes of axes, for arrays that come without a shape. */
  readonly sizes?: Readonly<Record<string, number>>
  /** The mean of no rows, or of rows whose weights sum to 0: 0 with gradient 0, or NaN as in PyTorch. Default `zero`. */
  readonly emptyMean?: "zero" | "nan"
  /** Whether each call checks the declared domains of its arrays too; labels and options are always checked. Default false. */
  readonly check?: boolean
  /** How exact the elementary functions are: 1e-10, 2 ULP of double, or what the engine does. Default `fast` for f32, `full` for f64. */
  readonly accuracy?: Accuracy
  /** For the target `wasm`: the memory to work in, that of another kernel. Default: one of its own. */
  readonly memory?: KernelMemory
  /**
   * For the target `wasm`: how many threads may run at once, the one that calls among them, up to 64. The others are workers that
   * start with the first call that has work for them and end with `destroy`; they do not keep Node from exiting. They need shared
   * memory, which Node has, and pages that are cross-origin isolated; elsewhere one thread does all the work. Results have the
   * same bits for any number. Default 1.
   */
  readonly threads?: number
  /**
   * For the target `wasm`: whether multiplications may be fused with additions, by the relaxed instructions of WebAssembly, where
   * the engine has them. That is faster and not less exact, but the last bits of results then depend on the machine. Default false.
   */
  readonly relaxed?: boolean
  /** For the target `wgsl`: threads of a workgroup, a power of two from 1 to 256. Default 64. */
  readonly workgroupSize?: number
}

/** Options with their defaults. */
export interface Settings {
  readonly target: "js" | "wasm" | "interpret" | "wgsl"
  readonly dtype: Dtype
  readonly choice: Omit<KernelChoice, "given">
  /** Names of the arguments of Hessian-vector products. */
  readonly products: readonly string[]
  readonly statics: ReadonlyMap<Input, number>
  readonly sizes: ReadonlyMap<string, number>
  readonly check: boolean
  readonly accuracy: Accuracy | undefined
  /** Set for the target `wasm` where the kernel shares the memory of another. */
  readonly memory: KernelMemory | undefined
  readonly threads: number
  readonly relaxed: boolean
  /** How large the blocks of loops are; tests have small ones. */
  readonly blocks?: BlockSizes
  /** Set for the target `wgsl` where it is given. */
  readonly workgroupSize: number | undefined
}

const optionNames = [
  "target",
  "dtype",
  "reduction",
  "grad",
  "hvp",
  "static",
  "sizes",
  "emptyMean",
  "check",
  "accuracy",
  "memory",
  "threads",
  "relaxed",
  "workgroupSize",
]

/** Checks the options of a kernel and fills in defaults. Throws `LossError`. */
export function readSettings(loss: Loss, given: KernelOptions): Settings {
  const options = ownEntries(given, "options")
  for (const name of options.keys())
    if (!optionNames.includes(name))
      throw failure(
        "bad-option",
        `a kernel has no option \`${name}\``,
        { argument: name },
        suggestion(name, optionNames),
      )
  const target = oneOf(options, "target", ["js", "interpret", "wasm", "wgsl"])
  const dtype = oneOf(options, "dtype", ["f32", "f64"])
  const reduction = oneOf(options, "reduction", ["mean", "sum", "none"])
  const emptyMean = oneOf(options, "emptyMean", ["zero", "nan"])
  const accuracy = options.has("accuracy")
    ? oneOf(options, "accuracy", ["fast", "full", "engine"])
    : undefined
  const check = options.get("check") ?? false
  if (typeof check !== "boolean")
    throw failure("bad-option", "the option `check` is true or false", { argument: "check" })
  const memory = options.get("memory")
  if (memory !== undefined && !(target === "wasm" && memory instanceof KernelMemory))
    throw failure(
      "bad-option",
      "the option `memory` is the memory of another kernel of the target wasm, for a kernel of that target",
      { argument: "memory" },
    )
  const threads = readThreads(options.get("threads"), target)
  if (threads > 1 && memory && !memory.workers && canShare())
    throw failure(
      "bad-option",
      "the memory is that of a kernel without `threads`, which threads cannot share",
      { argument: "memory" },
      "make the kernel that has the memory with `threads` too",
    )
  const relaxed = options.get("relaxed") ?? false
  if (typeof relaxed !== "boolean" || (relaxed && target !== "wasm"))
    throw failure("bad-option", "the option `relaxed` is true or false, and true for the target wasm only", {
      argument: "relaxed",
    })
  const workgroupSize = readWorkgroupSize(options.get("workgroupSize"), target)
  if (target === "wgsl" && (dtype === "f64" || accuracy !== undefined))
    throw failure("bad-option", "the target wgsl computes in f32, and has one accuracy", {
      argument: dtype === "f64" ? "dtype" : "accuracy",
    })
  const sizes = new Map<string, number>()
  for (const [name, size] of ownEntries(options.get("sizes"), "sizes")) {
    if (!isSize(size))
      throw failure(
        "bad-size",
        `the size of axis ${name} is ${String(size)}; expected a whole number from 0`,
        { axis: name, value: size },
      )
    sizes.set(name, size)
  }
  const statics = readStatics(loss.inputs, options.get("static"), (expr, values) =>
    evaluator(doubles, { sizes, elements: (input) => [values.get(input)!] }).size(expr),
  )
  const byName = new Map([...statics].map(([{ name }, value]) => [name, value]))
  return {
    target,
    dtype,
    choice: { reduction, emptyMean, statics: byName, grad: readNames(loss, "grad", options.get("grad")) },
    products: readNames(loss, "hvp", options.get("hvp")),
    statics,
    sizes,
    check,
    accuracy,
    memory,
    threads,
    relaxed,
    workgroupSize,
  }
}

/** How many threads may run at once. */
function readThreads(value: unknown = 1, target: string): number {
  if (!(Number.isInteger(value) && (value as number) >= 1 && (value as number) <= mostThreads))
    throw failure(
      "bad-option",
      `the option \`threads\` is ${typeof value === "number" ? value : typeof value}; expected a whole number from 1 to ${mostThreads}`,
      { argument: "threads", value },
    )
  if (value !== 1 && target !== "wasm")
    throw failure(
      "bad-option",
      `the target ${target} runs on one thread, and the option \`threads\` is ${String(value)}`,
      { argument: "threads", value },
      "choose the target wasm, or leave `threads` out",
    )
  return value as number
}

function readWorkgroupSize(size: unknown, target: string): number | undefined {
  if (size === undefined) return undefined
  if (
    target !== "wgsl" ||
    typeof size !== "number" ||
    !(size >= 1 && size <= 256) ||
    Math.log2(size) % 1 !== 0
  )
    throw failure(
      "bad-option",
      "the option `workgroupSize` is a power of two from 1 to 256, for a kernel of the target wgsl",
      { argument: "workgroupSize", value: size },
    )
  return size
}

/** A word among others; the first is the default. */
function oneOf<const W extends string>(
  options: ReadonlyMap<string, unknown>,
  name: string,
  words: readonly W[],
): W {
  const value = options.get(name) ?? words[0]!
  if (!words.includes(value as W))
    throw failure(
      "bad-option",
      `the option \`${name}\` is ${typeof value === "string" ? JSON.stringify(value) : typeof value}; expected ${words.map((word) => JSON.stringify(word)).join(" or ")}`,
      { argument: name, value },
    )
  return value as W
}

/** The names of the arguments to differentiate by, in the order of the header. */
function readNames(loss: Loss, option: "grad" | "hvp", grad: unknown): readonly string[] {
  if (grad === undefined) return []
  const real = loss.inputs.filter((input) => input.type === "real" && !input.isStatic)
  if (grad === "all") return real.filter((input) => input.role !== "option").map((input) => input.name)
  if (!Array.isArray(grad))
    throw failure("bad-option", `the option \`${option}\` is "all" or a list of names`, { argument: option })
  const wanted = new Set<unknown>(grad)
  for (const name of wanted) {
    if (real.some((input) => input.name === name)) continue
    const input = loss.inputs.find((one) => one.name === name)
    if (input)
      throw failure(
        "not-differentiable",
        `\`${input.name}\` is ${input.isStatic ? "static" : input.type === "int" ? "an integer" : "a bool"}: there is no gradient by it`,
        { argument: input.name },
        `${listed(real.map((one) => one.name))} can be differentiated`,
      )
    throw failure(
      "unknown-gradient",
      `\`${loss.name}\` has no argument \`${String(name)}\` to differentiate by`,
      { argument: String(name) },
      suggestion(
        String(name),
        real.map((one) => one.name),
      ),
    )
  }
  return real.filter((input) => wanted.has(input.name)).map((input) => input.name)
}
