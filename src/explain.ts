// What a loss says about itself and what the compiler did, as text: the loss in core form, its gradients, the rules that fired, and the loops.
import { schedule } from "./schedule.ts"
import { scratchText } from "./scratch.ts"
import { readComment } from "./docs/comment.ts"
import { bodyOf, declarationOf } from "./docs/declaration.ts"
import type { AxisExpr, Expr } from "./ir.ts"
import { definitions, postorder } from "./graph.ts"
import type { Buffer, Kernel, Stmt } from "./loops.ts"
import { gpuProgram } from "./gpu/compile.ts"
import { explainPieces, explainProgram } from "./gpu/explain.ts"
import { piecesOf } from "./gpu/pieces.ts"
import type { GpuProgram } from "./gpu/program.ts"
import { withLabelChecks } from "./label-checks.ts"
import type { Loss, Outputs } from "./loss.ts"
import { ops } from "./ops.ts"
import { outputsOf } from "./outputs.ts"
import { printDefinitions, printLoss } from "./print-core.ts"
import { printBlocks } from "./print-blocks.ts"
import { printKernel } from "./print-loops.ts"
import { type KernelOptions, type Settings, readSettings } from "./run/settings.ts"
import { signatureOf } from "./signature.ts"

/** Explains a loss as the kernel of these options computes it. Throws `LossError` if an option is wrong. */
export function explainLoss(loss: Loss, options: KernelOptions = {}): string {
  const settings = readSettings(loss, { grad: "all", ...options })
  const fired = new Map<string, number>()
  const outputs = outputsOf(
    loss,
    { ...settings.choice, given: new Set(settings.choice.grad) },
    { fired: ({ name }) => fired.set(name, (fired.get(name) ?? 0) + 1) },
  )
  const kernel = schedule(outputs, { dtype: settings.dtype })
  const heads: (readonly [string, readonly AxisExpr[], Expr])[] = [
    ...outputs.scalars.map((s) => [s.name.replace("grad:", "d "), [], s.value] as const),
    ...outputs.arrays.map((a) => [a.name === "loss" ? "loss" : `d ${a.name}`, a.axes, a.value] as const),
  ]
  const rules = [...fired].map(([name, times]) => (times === 1 ? name : `${name} (${times})`))
  return [
    section("loss", signatureOf(loss)),
    ...described(loss),
    section("formula", bodyOf(declarationOf(loss))),
    section("core", printLoss(loss)),
    section(`gradients (${settings.choice.reduction})`, printDefinitions(heads)),
    section("rules", rules.join(", ") || "none"),
    section("loops", printKernel(kernel)),
    section("blocks for threads (target wasm)", printBlocks(kernel)),
    section(
      "work",
      work(
        kernel,
        heads.map(([, , e]) => e),
        new Map(Object.entries(options.sizes ?? {})),
      ),
    ),
    ...(settings.target === "wgsl" ? gpuSections(loss, settings, outputs) : []),
  ].join("\n\n")
}

/** How a GPU runs it. */
function gpuSections(loss: Loss, { choice, sizes, workgroupSize }: Settings, outputs: Outputs): string[] {
  const loops = (of: Outputs): Kernel => schedule(of, { dtype: "f32", owner: true })
  const make = (kernel: Kernel): GpuProgram =>
    gpuProgram(kernel, workgroupSize === undefined ? {} : { workgroupSize })
  const kernel = loops(withLabelChecks(loss, outputs).outputs)
  const program = make(kernel)
  const given = new Set(choice.grad)
  const pieces = piecesOf(loss, { ...choice, given }, outputs, program, (of) => make(loops(of)))
  return [
    section("dispatches", explainProgram(kernel, program, sizes)),
    section("batches beyond a device", explainPieces(pieces)),
  ]
}

/** What the comment of the loss says. */
function described({ doc }: Loss): string[] {
  const { text, source, torch } = readComment(doc)
  return [
    text.length > 0 ? section("about", text.map(wrapped).join("\n")) : "",
    source === undefined ? "" : section("source", wrapped(source)),
    torch === undefined ? "" : section("PyTorch", torch),
  ].filter((part) => part !== "")
}

/** A paragraph in lines of at most a hundred letters. */
const wrapped = (text: string): string => text.replace(/(.{1,100})(?: |$)/g, "$1\n").trimEnd()

const section = (title: string, text: string): string => `${title}\n${text.replace(/^/gm, "  ")}`

/** Passes over memory and operations per element, by loop nest, and the memory of the kernel itself. */
function work(kernel: Kernel, roots: readonly Expr[], sizes: ReadonlyMap<string, number>): string {
  const name = (b: Buffer): string =>
    b.input?.name ?? (b.name === undefined ? "scratch" : b.name === "loss" ? "loss" : `d ${b.name}`)
  const lines: string[] = []
  let phase = 0
  for (const s of kernel.body) {
    if (!hasLoop(s)) continue
    const reads = new Map<string, number>()
    const writes = new Map<string, number>()
    let costly = 0
    let sorts = 0
    let plain = 0
    walk([s], (x) => {
      if (x.kind === "load") reads.set(name(x.buffer), (reads.get(name(x.buffer)) ?? 0) + 1)
      if (x.kind === "sort") sorts++
      if (x.kind === "store") writes.set(name(x.buffer), (writes.get(name(x.buffer)) ?? 0) + 1)
      if (x.kind !== "let") return
      if ((ops[x.op].cost ?? 1) >= 20) costly++
      else plain++
    })
    const list = (m: ReadonlyMap<string, number>): string =>
      [...m].map(([n, k]) => (k === 1 ? n : `${n} x${k}`)).join(", ") || "nothing"
    const sorting = sorts === 0 ? "" : `, ${sorts} ${sorts === 1 ? "sort" : "sorts"}`
    lines.push(
      `pass ${++phase}: reads ${list(reads)}; writes ${list(writes)}; ${plain} operations and ${costly} transcendental functions in its text${sorting}`,
    )
  }
  lines.push(
    scratchText(kernel, sizes),
    `${definitions(roots).length} reductions; ${postorder(roots).length} nodes`,
  )
  return lines.join("\n")
}

const hasLoop = (s: Stmt): boolean =>
  s.kind === "for" || s.kind === "sort" || (s.kind === "if" && [...s.then, ...s.else].some(hasLoop))

function walk(list: readonly Stmt[], visit: (s: Stmt) => void): void {
  for (const s of list) {
    visit(s)
    if (s.kind === "for") walk(s.body, visit)
    if (s.kind === "if") {
      walk(s.then, visit)
      walk(s.else, visit)
    }
  }
}
