// The loops of a kernel -> functions of WebAssembly: the kernel itself, how much scratch it needs, blocks of loops for threads.
import type { Buffer, Kernel, Operand, Stmt } from "../loops.ts"
import { ops } from "../ops.ts"
import type { Scalars } from "./lane-values.ts"
import { Lanes } from "./lanes.ts"
import type { Accuracy } from "./math.ts"
import { int, watNumber } from "./machine.ts"
import { outsideOf } from "../unroll/outside.ts"
import { axisComment } from "./text.ts"
import { SLOT, type SharedLoop, type Sharing, blockName, frameBytes } from "./wat-blocks.ts"
import { clearer, filler, functionText } from "./wat-helpers.ts"
import { direct } from "./wat-math.ts"
import { watSort } from "./wat-sort.ts"
import { type Register, WatValues, get } from "./wat-values.ts"

/** How an array lies in memory. */
export type Element = "f32" | "f64" | "i32" | "u8"

const bytes: Readonly<Record<Element, number>> = { f32: 4, f64: 8, i32: 4, u8: 1 }

/** Arrays of scratch start at multiples of this. */
const ALIGNMENT = 16

/** Bytes between the scratch of threads, so that they do not write the same lines of a cache. */
const APART = 128

/** Writes the functions of one module. */
export class Emitter extends WatValues implements Scalars {
  private readonly kernel: Kernel
  readonly elements: ReadonlyMap<Buffer, Element>
  readonly isWide: boolean
  readonly isRelaxed: boolean
  /** For each array that a sort writes, the one it merges in. */
  private readonly rooms: ReadonlyMap<Buffer, Buffer>
  private readonly sharing: Sharing
  /** The functions of loops over blocks. */
  readonly blocks: string[] = []
  /** The functions of other loops. */
  readonly outlined: string[]

  constructor(
    kernel: Kernel,
    elements: ReadonlyMap<Buffer, Element>,
    accuracy: Accuracy,
    rooms: ReadonlyMap<Buffer, Buffer>,
    sharing: Sharing,
    isRelaxed: boolean,
    around?: Emitter,
  ) {
    super(kernel, accuracy, around)
    this.kernel = kernel
    this.rooms = rooms
    this.sharing = sharing
    this.isRelaxed = isRelaxed
    this.isWide = kernel.dtype === "f64" || accuracy !== "fast"
    this.elements = elements
    this.outlined = around?.outlined ?? []
  }

  /** Writes another function of the same module. */
  private inside(): Emitter {
    const { kernel, elements, accuracy, rooms, sharing, isRelaxed } = this
    return new Emitter(kernel, elements, accuracy, rooms, sharing, isRelaxed, this)
  }

  // ---------------------------------------------------------------------------------------- statements

  private address(buffer: Buffer, at: Operand): string {
    const size = bytes[this.elements.get(buffer)!]
    const start = get(this.names.buffers.get(buffer)!)
    if (at.kind === "number") return at.value === 0 ? start : `(i32.add ${start} ${int(at.value * size)})`
    const place = this.operand(at, "i32")
    return `(i32.add ${start} ${size === 1 ? place : `(i32.shl ${place} ${int(Math.log2(size))})`})`
  }

  /** Sets a local that belongs to a value. */
  private set(id: number, value: string): string {
    return `(local.set $${this.names.values.get(id)!.name} ${value})`
  }

  private define(id: number): void {
    this.code.declare(`$${this.names.values.get(id)!.name}`, this.registers.get(id)!)
  }

  private load(s: Extract<Stmt, { kind: "load" }>): void {
    const element = this.elements.get(s.buffer)!
    const at = this.address(s.buffer, s.at)
    let value: string
    if (element === "f32") value = `(f64.promote_f32 (f32.load ${at}))`
    else if (element === "u8") value = `(i32.load8_u ${at})`
    else value = `(${element}.load ${at})`
    const is: Register = element === "i32" || element === "u8" ? "i32" : "f64"
    if (s.type === "bool") {
      value = is === "i32" ? `(i32.ne ${value} ${int(0)})` : `(f64.ne ${value} (f64.const 0))`
      this.registers.set(s.id, "i32")
    } else if (s.type === "int") this.registers.set(s.id, is)
    else if (is === "i32") value = `(f64.convert_i32_s ${value})`
    this.define(s.id)
    this.code.add(this.set(s.id, value))
  }

  private store(s: Extract<Stmt, { kind: "store" }>): void {
    const element = this.elements.get(s.buffer)
    const isShort = element === "f32"
    const type = isShort ? "f32" : "f64"
    const at = this.code.let("i32", this.address(s.buffer, s.at))
    if (element === "i32") return this.code.add(`(i32.store ${at} ${this.operand(s.value, "i32")})`)
    let value = this.operand(s.value, "f64")
    if (s.accumulate) {
      const old = `(${type}.load ${at})`
      value = `(f64.add ${isShort ? `(f64.promote_f32 ${old})` : old} ${value})`
    }
    this.code.add(`(${type}.store ${at} ${isShort ? `(f32.demote_f64 ${value})` : value})`)
  }

  fillAt(element: "f32" | "f64", at: string, length: string, value: number): void {
    const size = bytes[element]
    if (Object.is(value, 0)) {
      this.helpers.set("clear", clearer)
      return this.code.add(`(call $clear ${at} (i32.mul ${length} ${int(size)}))`)
    }
    this.helpers.set(`fill_${element}`, filler(element, size))
    this.code.add(`(call $fill_${element} ${at} ${length} (f64.const ${watNumber(value)}))`)
  }

  private update(s: Extract<Stmt, { kind: "update" }>): string {
    const { type } = this.names.values.get(s.acc)!
    const register = this.registers.get(s.acc)!
    const value = this.operand(s.value, register)
    if (s.op === "set") return this.set(s.acc, value)
    const old = get(this.names.values.get(s.acc)!.name)
    if (type === "bool")
      return this.set(s.acc, `(i32.${s.op === "min" || s.op === "mul" ? "and" : "or"} ${old} ${value})`)
    return this.set(s.acc, direct[s.op]!(this.machine, old, value))
  }

  /** A loop around what `inside` adds. */
  loop(s: Extract<Stmt, { kind: "for" }>, inside: () => void): void {
    const { code } = this
    this.define(s.id)
    const name = this.names.values.get(s.id)!.name
    const to = code.let("i32", this.operand(s.to, "i32"))
    const step = s.step ? this.operand(s.step, "i32") : int(1)
    code.add(`;; ${axisComment(s.axis).slice(3)}`, this.set(s.id, this.operand(s.from, "i32")))
    code.block(`(if (i32.lt_s ${get(name)} ${to}) (then (loop $${name}`, () => {
      inside()
      code.add(
        this.set(s.id, `(i32.add ${get(name)} ${step})`),
        `(br_if $${name} (i32.lt_s ${get(name)} ${to}))`,
      )
    })
    code.add("))")
  }

  statement(s: Stmt): void {
    const { code } = this
    switch (s.kind) {
      case "let": {
        const value = this.value(s)
        this.define(s.id)
        return code.add(this.set(s.id, value))
      }
      case "load":
        return this.load(s)
      case "store":
        return this.store(s)
      case "fill":
        return this.fillAt(
          this.elements.get(s.buffer)! as "f32" | "f64",
          this.address(s.buffer, s.at),
          this.operand(s.length, "i32"),
          s.value,
        )
      case "sort": {
        this.helpers.set("sort", watSort)
        const [keys, index] = [this.address(s.keys, s.keysAt), this.address(s.index, s.indexAt)]
        const stride = `(i32.shl ${this.operand(s.stride, "i32")} ${int(3)})`
        const room = get(this.names.buffers.get(this.rooms.get(s.index)!)!)
        return code.add(`(call $sort ${keys} ${stride} ${index} ${room} ${this.operand(s.length, "i32")})`)
      }
      case "acc":
        this.define(s.id)
        return code.add(this.set(s.id, this.operand(s.initial, this.registers.get(s.id)!)))
      case "update":
        return code.add(this.update(s))
      case "for":
        if (this.sharing.loops.has(s)) return this.share(s, this.sharing.loops.get(s)!)
        if (s.outlined) return this.call(s)
        return this.plainLoop(s)
      case "if":
        code.block(`(if ${this.operand(s.condition, "i32")} (then`, () => this.block(s.then))
        if (s.else.length > 0) code.block("(else", () => this.block(s.else))
        return code.add(")")
      case "result": {
        const at = this.kernel.results.indexOf(s.name)
        return code.add(`(f64.store offset=${8 * at} ${get("results")} ${this.operand(s.value, "f64")})`)
      }
    }
  }

  private plainLoop(s: Extract<Stmt, { kind: "for" }>): void {
    if (s.lanes) new Lanes(this, s).emit()
    else this.loop(s, () => this.block(s.body))
  }

  private block(body: readonly Stmt[]): void {
    for (const s of body) this.statement(s)
  }

  /** A loop as a function of what it reads, with its accumulators as results. */
  private call(s: Extract<Stmt, { kind: "for" }>): void {
    const { values, updated, buffers } = outsideOf([s])
    const params = [
      ...buffers.map((b) => [`$${this.names.buffers.get(b)!}`, "i32"] as const),
      ...[...values, ...updated].map((id) => [this.nameOf(id), this.registers.get(id)!] as const),
    ]
    const name = `$loop_${this.nameOf(s.id).slice(1)}`
    const other = this.inside()
    other.plainLoop(s)
    other.code.add(...updated.map((id) => `(local.get ${this.nameOf(id)})`))
    const results = updated.map((id) => this.registers.get(id)!)
    this.outlined.push(functionText(name, params, results, other.code))
    this.code.add(`(call ${name} ${params.map(([param]) => `(local.get ${param})`).join(" ")})`)
    this.code.add(...updated.toReversed().map((id) => `(local.set ${this.nameOf(id)})`))
  }

  // -------------------------------------------------------------------------------------------- blocks

  /** Stores what blocks read into the frame and has them run. */
  private share(s: Extract<Stmt, { kind: "for" }>, shared: SharedLoop): void {
    const { code } = this
    const frame = get("frame")
    const slot = (k: number): string => (k === 0 ? "" : ` offset=${k * SLOT}`)
    code.add(`;; ${axisComment(s.axis).slice(3)}, in blocks`, `(i32.store ${frame} ${get("group")})`)
    shared.buffers.forEach((b, k) => code.add(`(i32.store${slot(k + 1)} ${frame} ${this.start(b)})`))
    shared.values.forEach((id, k) => {
      const type = this.registers.get(id)!
      const at = slot(k + 1 + shared.buffers.length)
      code.add(`(${type}.store${at} ${frame} ${get(this.names.values.get(id)!.name)})`)
    })
    const [from, to, step] = [s.from, s.to, s.step!].map((x) => code.let("i32", this.operand(x, "i32")))
    const last = `(i32.div_u (i32.sub (i32.sub ${to} ${from}) ${int(1)}) ${step})`
    const count = `(select (i32.add ${last} ${int(1)}) ${int(0)} (i32.lt_s ${from} ${to}))`
    code.add(`(call $share ${int(shared.number)} ${frame} ${count})`)
    this.blocks.push(this.inside().blockText(s, shared))
  }

  private blockText(s: Extract<Stmt, { kind: "for" }>, shared: SharedLoop): string {
    const { code } = this
    const slot = (type: string, k: number): string =>
      `(${type}.load${k === 0 ? "" : ` offset=${k * SLOT}`} ${get("frame")})`
    shared.buffers.forEach((b, k) => {
      const name = this.names.buffers.get(b)!
      const start = slot("i32", k + 1)
      const isOwn = this.sharing.own.has(b)
      code.declare(`$${name}`, "i32")
      code.add(
        `(local.set $${name} ${isOwn ? `(i32.add ${start} (i32.mul ${get("thread")} ${slot("i32", 0)}))` : start})`,
      )
    })
    shared.values.forEach((id, k) => {
      this.define(id)
      code.add(this.set(id, slot(this.registers.get(id)!, k + 1 + shared.buffers.length)))
    })
    this.define(s.id)
    const [from, step] = [this.operand(s.from, "i32"), this.operand(s.step!, "i32")]
    code.add(this.set(s.id, `(i32.add ${from} (i32.mul ${get("block")} ${step}))`))
    this.block(s.body)
    const name = blockName(shared)
    const params = ["$frame", "$thread", "$block"].map((p) => [p, "i32"] as const)
    return functionText(`$${name}`, params, [], code, name)
  }

  // -------------------------------------------------------------------------------------------- module

  /** Sizes as they are computed from those that are passed. */
  private sizes(): void {
    for (const { id, value } of this.kernel.sizes) {
      if (value.kind === "size") continue
      // In f64, because a product on the way may exceed 32 bits.
      const list = value.args.map((x) => this.machine.let(this.operand(x, "f64")))
      this.define(id)
      this.code.add(this.set(id, `(i32.trunc_sat_f64_s ${direct[value.op]!(this.machine, ...list)})`))
    }
  }

  /** Bytes of an array of scratch. */
  private room(buffer: Buffer): string {
    const size = `(f64.mul ${this.operand(buffer.length, "f64")} (f64.const ${bytes[this.elements.get(buffer)!]}))`
    return `(f64.mul (f64.ceil (f64.div ${size} (f64.const ${ALIGNMENT}))) (f64.const ${ALIGNMENT}))`
  }

  /** The scratch of a kernel: what each thread has of its own, and the rest. */
  private parts(): readonly [own: readonly Buffer[], rest: readonly Buffer[]] {
    const { scratch } = this.kernel
    const { own } = this.sharing
    return [scratch.filter((b) => own.has(b)), scratch.filter((b) => !own.has(b))]
  }

  private total(buffers: readonly Buffer[], more: number): string {
    return buffers.map((b) => this.room(b)).reduce((x, y) => `(f64.add ${x} ${y})`, `(f64.const ${more})`)
  }

  /** Gives arrays of scratch their places, one behind the other. */
  private lay(buffers: readonly Buffer[], start: string): void {
    const { names, code } = this
    buffers.forEach((b, i) => {
      const before = buffers[i - 1]
      const at = before ? `(i32.add ${this.start(before)} (i32.trunc_sat_f64_u ${this.room(before)}))` : start
      code.declare(`$${names.buffers.get(b)!}`, "i32")
      code.add(`(local.set $${names.buffers.get(b)!} ${at})`)
    })
  }

  kernelText(): string {
    const { kernel, names, code, sharing } = this
    this.sizes()
    const [own, rest] = this.parts()
    if (sharing.loops.size === 0) this.lay(rest, get("free"))
    else {
      for (const name of ["$frame", "$group"]) code.declare(name, "i32")
      code.add(
        `(local.set $frame ${get("free")})`,
        `(local.set $group (i32.trunc_sat_f64_u ${this.total(own, APART)}))`,
        `(local.set $free (i32.add ${get("free")} ${int(frameBytes(sharing))}))`,
      )
      this.lay(own, get("free"))
      this.lay(rest, `(i32.add ${get("free")} (i32.mul ${get("group")} ${int(sharing.threads)}))`)
    }
    this.block(kernel.body)
    const params: (readonly [string, string])[] = [
      ...[...kernel.inputs, ...kernel.outputs].map((b) => [`$${names.buffers.get(b)!}`, "i32"] as const),
      ...kernel.scalars.map((s, i) => [`$p${i}`, s.input.type === "bool" ? "i32" : "f64"] as const),
      ...kernel.sizeNames.map((_, i) => [`$n${i}`, "i32"] as const),
      ["$free", "i32"],
      ["$results", "i32"],
    ]
    return functionText("$kernel", params, [], code, "kernel")
  }

  /** The function that says how much scratch there has to be. */
  scratchText(): string {
    this.sizes()
    const { loops, threads } = this.sharing
    const [own, rest] = this.parts()
    const total = this.total(rest, frameBytes(this.sharing))
    this.code.add(
      loops.size === 0
        ? total
        : `(f64.add ${total} (f64.mul (f64.const ${threads}) ${this.total(own, APART)}))`,
    )
    const params = this.kernel.sizeNames.map((_, i) => [`$n${i}`, "i32"] as const)
    return functionText("$scratch", params, ["f64"], this.code, "scratch")
  }

  imports(): string[] {
    return [...this.host].sort().map((op) => {
      const params = ops[op].params.map(() => "f64").join(" ")
      return `  (import "host" "${op}" (func $${op} (param ${params}) (result f64)))`
    })
  }

  helperTexts(): string[] {
    return [...this.helpers.values()]
  }
}
