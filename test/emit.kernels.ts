// Kernels built by hand, as a schedule makes them: what the tests of the loops, of unrolling and of the emitters read.
import type { Buffer, Kernel, Operand, ScalarInput, SizeValue, Stmt } from "../src/loops.ts"
import type { OpName } from "../src/ops.ts"
import { ops } from "../src/ops.ts"
import type { Dtype, Input, ScalarType } from "../src/types.ts"

const argument = (name: string, type: ScalarType, role: "sample" | "option" = "sample"): Input => ({
  name,
  type,
  role,
  dimensions: [],
  isStatic: false,
})

/** A literal, or a value made before. */
export type Arg = Operand | number
const operand = (x: Arg): Operand => (typeof x === "number" ? { kind: "number", value: x } : x)

/** Writes a kernel statement by statement. */
export class Builder {
  private next = 0
  private buffers = 0
  private block: Stmt[] = []
  private readonly types = new Map<number, ScalarType>()
  private readonly inputs: Buffer[] = []
  private readonly outputs: Buffer[] = []
  private readonly scratches: Buffer[] = []
  private readonly scalars: ScalarInput[] = []
  private readonly sizeNames: string[] = []
  private readonly sizes: SizeValue[] = []
  private readonly results: string[] = []
  private readonly dtype: Dtype

  constructor(dtype: Dtype = "f32") {
    this.dtype = dtype
  }

  private fresh(type: ScalarType): Operand & { kind: "value" } {
    const id = this.next++
    this.types.set(id, type)
    return { kind: "value", id }
  }

  private typeOf(x: Operand): ScalarType {
    return x.kind === "value" ? this.types.get(x.id)! : Number.isInteger(x.value) ? "int" : "real"
  }

  size(name: string): Operand {
    const x = this.fresh("int")
    this.sizeNames.push(name)
    this.sizes.push({ id: x.id, value: { kind: "size", name } })
    return x
  }

  sizeOp(op: OpName, ...args: Arg[]): Operand {
    const x = this.fresh("int")
    this.sizes.push({ id: x.id, value: { kind: "op", op, args: args.map(operand) } })
    return x
  }

  input(name: string, length: Arg, type: ScalarType = "real"): Buffer {
    const element = type === "real" ? this.dtype : type
    const b: Buffer = {
      id: this.buffers++,
      kind: "input",
      input: argument(name, type),
      element,
      length: operand(length),
    }
    this.inputs.push(b)
    return b
  }

  output(name: string, length: Arg): Buffer {
    const b: Buffer = {
      id: this.buffers++,
      kind: "output",
      name,
      element: this.dtype,
      length: operand(length),
    }
    this.outputs.push(b)
    return b
  }

  scratch(length: Arg, extents?: readonly Arg[], element: Buffer["element"] = "f64"): Buffer {
    const b: Buffer = {
      id: this.buffers++,
      kind: "scratch",
      element,
      length: operand(length),
      ...(extents && { extents: extents.map(operand) }),
    }
    this.scratches.push(b)
    return b
  }

  scalar(name: string, type: ScalarType = "real"): Operand {
    const x = this.fresh(type)
    this.scalars.push({ id: x.id, input: argument(name, type, "option") })
    return x
  }

  op(op: OpName, ...args: Arg[]): Operand {
    const list = args.map(operand)
    const type = ops[op].type(list.map((x) => this.typeOf(x)))
    const x = this.fresh(type)
    this.block.push({ kind: "let", id: x.id, op, args: list, type })
    return x
  }

  load(buffer: Buffer, at: Arg): Operand {
    const type = buffer.element === "f32" || buffer.element === "f64" ? "real" : buffer.element
    const x = this.fresh(type)
    this.block.push({ kind: "load", id: x.id, buffer, at: operand(at), type })
    return x
  }

  store(buffer: Buffer, at: Arg, value: Arg): void {
    this.block.push({ kind: "store", buffer, at: operand(at), value: operand(value) })
  }

  addTo(buffer: Buffer, at: Arg, value: Arg): void {
    this.block.push({ kind: "store", buffer, at: operand(at), value: operand(value), accumulate: true })
  }

  fill(buffer: Buffer, at: Arg, length: Arg, value = 0): void {
    this.block.push({ kind: "fill", buffer, at: operand(at), length: operand(length), value })
  }

  /** Fills `index` with the order of as many keys, each from its place on. */
  sort(index: Buffer, indexAt: Arg, keys: Buffer, keysAt: Arg, length: Arg): void {
    this.block.push({
      kind: "sort",
      index,
      indexAt: operand(indexAt),
      keys,
      keysAt: operand(keysAt),
      stride: operand(1),
      length: operand(length),
    })
  }

  acc(initial: Arg, type: ScalarType = "real"): Operand & { kind: "value" } {
    const x = this.fresh(type)
    this.block.push({ kind: "acc", id: x.id, initial: operand(initial), type })
    return x
  }

  update(acc: Operand & { kind: "value" }, op: "set" | "add" | "mul" | "max" | "min", value: Arg): void {
    this.block.push({ kind: "update", acc: acc.id, op, value: operand(value) })
  }

  private inside(fill: () => void): Stmt[] {
    const outer = this.block
    this.block = []
    fill()
    const made = this.block
    this.block = outer
    return made
  }

  for(axis: string, to: Arg, body: (i: Operand) => void, from: Arg = 0): void {
    const i = this.fresh("int")
    const made = this.inside(() => body(i))
    this.block.push({ kind: "for", id: i.id, from: operand(from), to: operand(to), body: made, axis })
  }

  if(condition: Operand, then: () => void, otherwise: () => void = () => {}): void {
    this.block.push({ kind: "if", condition, then: this.inside(then), else: this.inside(otherwise) })
  }

  result(name: "loss" | "count" | "per" | `grad:${string}`, value: Arg): void {
    this.results.push(name)
    this.block.push({ kind: "result", name, value: operand(value) })
  }

  kernel(): Kernel {
    const { dtype, inputs, outputs, scalars, sizeNames, sizes, results } = this
    return {
      dtype,
      inputs,
      outputs,
      scratch: this.scratches,
      scalars,
      sizeNames,
      sizes,
      body: this.block,
      results,
    }
  }
}

/** Mean squared error with the gradient of pred. */
export function mse(dtype: Dtype = "f32"): Kernel {
  const b = new Builder(dtype)
  const n = b.size("n")
  const [pred, target, grad] = [b.input("pred", n), b.input("target", n), b.output("pred", n)]
  const scale = b.op("ratio", 1, n)
  const twice = b.op("mul", 2, scale)
  const sum = b.acc(0)
  b.for("n", n, (i) => {
    const r = b.op("sub", b.load(pred, i), b.load(target, i))
    b.update(sum, "add", b.op("mul", r, r))
    b.store(grad, i, b.op("mul", r, twice))
  })
  b.result("loss", b.op("mul", sum, scale))
  return b.kernel()
}

/** Binary cross-entropy with logits: softplus and sigmoid share one exponential. */
export function bce(dtype: Dtype = "f32"): Kernel {
  const b = new Builder(dtype)
  const n = b.size("n")
  const [logits, target, grad] = [b.input("logits", n), b.input("target", n), b.output("logits", n)]
  const scale = b.op("ratio", 1, n)
  const sum = b.acc(0)
  b.for("n", n, (i) => {
    const x = b.load(logits, i)
    const t = b.load(target, i)
    const e = b.op("exp", b.op("neg", b.op("abs", x)))
    const softplus = b.op("add", b.op("relu", x), b.op("log1p", e))
    b.update(sum, "add", b.op("sub", softplus, b.op("mul", t, x)))
    const top = b.op("select", b.op("lt", x, 0), e, 1)
    const sigmoid = b.op("div", top, b.op("add", 1, e))
    b.store(grad, i, b.op("mul", b.op("sub", sigmoid, t), scale))
  })
  b.result("loss", b.op("mul", sum, scale))
  return b.kernel()
}

/** Cross-entropy over integer labels, exact at large gaps: the pair is (maximum, sum of the others). */
export function crossEntropy(dtype: Dtype = "f32"): Kernel {
  const b = new Builder(dtype)
  const [n, c] = [b.size("b"), b.size("c")]
  const all = b.sizeOp("mul", n, c)
  const [logits, target, grad] = [
    b.input("logits", all),
    b.input("target", n, "int"),
    b.output("logits", all),
  ]
  const row = b.scratch(c)
  const scale = b.op("ratio", 1, n)
  const sum = b.acc(0)
  b.for("b", n, (i) => {
    const base = b.op("mul", i, c)
    const top = b.acc(-Infinity)
    b.for("c", c, (j) => b.update(top, "max", b.load(logits, b.op("add", base, j))))
    const others = b.acc(0)
    const ties = b.acc(-1, "int")
    b.for("c", c, (j) => {
      const x = b.load(logits, b.op("add", base, j))
      const e = b.op("exp", b.op("sub", x, top))
      b.store(row, j, e)
      b.update(others, "add", b.op("guard", b.op("lt", x, top), e))
      b.update(ties, "add", b.op("indicator", b.op("eq", x, top)))
    })
    const s1 = b.op("add", others, ties)
    const y = b.load(target, i)
    const place = b.op("add", base, y)
    const z = b.load(logits, place)
    const value = b.op("add", b.op("sub", top, z), b.op("log1p", s1))
    b.update(sum, "add", value)
    const inverse = b.op("div", scale, b.op("add", 1, s1))
    b.for("c", c, (j) => {
      b.store(grad, b.op("add", base, j), b.op("mul", b.load(row, j), inverse))
    })
    const own = b.op("sub", b.op("expm1", b.op("sub", z, top)), s1)
    b.store(grad, place, b.op("mul", own, inverse))
  })
  b.result("loss", b.op("mul", sum, scale))
  return b.kernel()
}

/** Triplet loss on squared distance with three gradients; rows without a loss are skipped. */
export function triplet(dtype: Dtype = "f32"): Kernel {
  const b = new Builder(dtype)
  const margin = b.scalar("margin")
  const [n, d] = [b.size("b"), b.size("d")]
  const all = b.sizeOp("mul", n, d)
  const [a, p, q] = [b.input("a", all), b.input("p", all), b.input("n", all)]
  const [ga, gp, gq] = [b.output("a", all), b.output("p", all), b.output("n", all)]
  const scale = b.op("ratio", 1, n)
  const twice = b.op("mul", 2, scale)
  const minus = b.op("mul", -2, scale)
  const sum = b.acc(0)
  b.for("b", n, (i) => {
    const base = b.op("mul", i, d)
    const near = b.acc(0)
    const far = b.acc(0)
    b.for("d", d, (j) => {
      const at = b.op("add", base, j)
      const x = b.load(a, at)
      const r = b.op("sub", x, b.load(p, at))
      const s = b.op("sub", x, b.load(q, at))
      b.update(near, "add", b.op("mul", r, r))
      b.update(far, "add", b.op("mul", s, s))
    })
    const value = b.op("add", b.op("sub", near, far), margin)
    b.update(sum, "add", b.op("relu", value))
    b.if(
      b.op("lt", 0, value),
      () =>
        b.for("d", d, (j) => {
          const at = b.op("add", base, j)
          const [x, y, z] = [b.load(a, at), b.load(p, at), b.load(q, at)]
          b.store(ga, at, b.op("mul", twice, b.op("sub", z, y)))
          b.store(gp, at, b.op("mul", minus, b.op("sub", x, y)))
          b.store(gq, at, b.op("mul", twice, b.op("sub", x, z)))
        }),
      () => {
        for (const g of [ga, gp, gq]) b.fill(g, base, d)
      },
    )
  })
  b.result("loss", b.op("mul", sum, scale))
  return b.kernel()
}

/** InfoNCE with cosine scores and two gradients: scores by row, the gradient of the keys accumulated from every row. */
export function infoNce(dtype: Dtype = "f32"): Kernel {
  const b = new Builder(dtype)
  const tau = b.scalar("tau")
  const [n, d] = [b.size("b"), b.size("d")]
  const all = b.sizeOp("mul", n, d)
  const [q, k, gq, gk] = [b.input("q", all), b.input("k", all), b.output("q", all), b.output("k", all)]
  const [normK, score, along, weight] = [b.scratch(n), b.scratch(n), b.scratch(n), b.scratch(n)]
  const [sumQ, sumK] = [b.scratch(d), b.scratch(all)]
  const scale = b.op("ratio", 1, n)
  const inverseTau = b.op("div", 1, tau)
  const seed = b.op("mul", scale, inverseTau)
  const sum = b.acc(0)
  const norm = (x: Buffer, base: Operand): Operand => {
    const squares = b.acc(0)
    b.for("d", d, (j) => {
      const v = b.load(x, b.op("add", base, j))
      b.update(squares, "add", b.op("mul", v, v))
    })
    return b.op("div", 1, b.op("clampMin", b.op("root", squares), 1e-8))
  }
  b.for("j", n, (j) => b.store(normK, j, norm(k, b.op("mul", j, d))))
  b.fill(sumK, 0, all)
  b.fill(along, 0, n)
  b.for("b", n, (i) => {
    const base = b.op("mul", i, d)
    const inverse = norm(q, base)
    const factor = b.op("mul", inverse, inverseTau)
    const top = b.acc(-Infinity)
    b.for("j", n, (j) => {
      const from = b.op("mul", j, d)
      const product = b.acc(0)
      b.for("d", d, (e) =>
        b.update(
          product,
          "add",
          b.op("mul", b.load(q, b.op("add", base, e)), b.load(k, b.op("add", from, e))),
        ),
      )
      const s = b.op("mul", b.op("mul", product, factor), b.load(normK, j))
      b.store(score, j, s)
      b.update(top, "max", s)
    })
    const own = b.load(score, i)
    const total = b.acc(0)
    b.for("j", n, (j) => {
      const e = b.op("exp", b.op("sub", b.load(score, j), top))
      b.store(weight, j, e)
      b.update(total, "add", e)
    })
    b.update(sum, "add", b.op("sub", b.op("add", top, b.op("log", total)), own))
    const part = b.op("div", seed, total)
    b.fill(sumQ, 0, d)
    const alongQ = b.acc(0)
    b.for("j", n, (j) => {
      const same = b.op("guard", b.op("eq", i, j), seed)
      const w = b.op("sub", b.op("mul", b.load(weight, j), part), same)
      const ws = b.op("mul", w, b.load(score, j))
      b.update(alongQ, "add", ws)
      b.addTo(along, j, ws)
      const toQ = b.op("mul", w, b.load(normK, j))
      const toK = b.op("mul", w, inverse)
      const from = b.op("mul", j, d)
      b.for("d", d, (e) => {
        const at = b.op("add", from, e)
        b.addTo(sumQ, e, b.op("mul", toQ, b.load(k, at)))
        b.addTo(sumK, at, b.op("mul", toK, b.load(q, b.op("add", base, e))))
      })
    })
    const shrink = b.op("mul", b.op("mul", alongQ, tau), b.op("mul", inverse, inverse))
    b.for("d", d, (e) => {
      const at = b.op("add", base, e)
      const g = b.op("sub", b.op("mul", b.load(sumQ, e), inverse), b.op("mul", shrink, b.load(q, at)))
      b.store(gq, at, g)
    })
  })
  b.for("j", n, (j) => {
    const base = b.op("mul", j, d)
    const inverse = b.load(normK, j)
    const shrink = b.op("mul", b.op("mul", b.load(along, j), tau), b.op("mul", inverse, inverse))
    b.for("d", d, (e) => {
      const at = b.op("add", base, e)
      const g = b.op("sub", b.op("mul", b.load(sumK, at), inverse), b.op("mul", shrink, b.load(k, at)))
      b.store(gk, at, g)
    })
  })
  b.result("loss", b.op("mul", sum, scale))
  return b.kernel()
}
