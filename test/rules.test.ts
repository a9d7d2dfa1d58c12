// Every rewrite rule, from its own table: it fires on its left-hand side, keeps the value, and gradients follow.
import { describe, expect, test } from "vitest"
import { type AxisExpr, Core, type Expr, type OpExpr } from "../src/ir.ts"
import { ops } from "../src/ops.ts"
import { type Pattern, build, pattern } from "../src/pattern.ts"
import { type Rule, expansions, finishing, identities, stabilising } from "../src/rules.ts"
import { doubles } from "../src/run/doubles.ts"
import { evaluator } from "../src/run/interpret.ts"
import { RuleSet, applyRules } from "../src/simplify.ts"
import type { Input, ScalarType } from "../src/types.ts"

const samples = 300

/** The same numbers on every run, from 0 to 1. */
function random(seed: number): () => number {
  let a = seed
  return () => {
    a = (a + 0x6d2b79f5) | 0
    let t = Math.imul(a ^ (a >>> 15), 1 | a)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

/** The holes of a pattern, what each must be, and whether it stands inside a reduction. */
function holesOf(p: Pattern): Map<string, { bool: boolean; inside: boolean }> {
  const out = new Map<string, { bool: boolean; inside: boolean }>()
  const go = (x: Pattern, bool: boolean, inside: boolean): void => {
    if (x.kind === "hole") out.set(x.name, { bool: bool || (out.get(x.name)?.bool ?? false), inside })
    if (x.kind === "reduce") go(x.body, false, true)
    if (x.kind === "op") x.args.forEach((arg, i) => go(arg, ops[x.op].takes[i] === "bool", inside))
  }
  go(p, false, false)
  return out
}

/** A core without identities, and the left-hand side of a rule in it over inputs named like the holes. */
function leftHandSide(rule: Rule): { core: Core; inputs: Map<string, Input>; from: OpExpr } {
  const core = new Core()
  const axis = core.axis("k", core.const(3))
  const inputs = new Map<string, Input>()
  const holes = new Map<string, Expr>()
  const tree = pattern(rule.from)
  for (const [name, { bool, inside }] of holesOf(tree)) {
    const type: ScalarType = bool ? "bool" : rule.ints?.includes(name) ? "int" : "real"
    const dimensions = inside ? [{ name: "k", extent: axis.extent }] : []
    const input: Input = {
      name,
      type,
      role: "sample",
      dimensions,
      isStatic: false,
      ...domainOf(core, rule, name),
    }
    inputs.set(name, input)
    holes.set(name, core.load(input, inside ? [axis] : []))
  }
  return { core, inputs, from: make(core, tree, holes, axis) as OpExpr }
}

/** What a condition such as `x > 0`, `x >= 0` or `x < 0` says of a hole, as a domain that intervals can use. */
function domainOf(core: Core, rule: Rule, name: string): Partial<Input> {
  const found = rule.when?.match(/^(\w+) (>=?|<) 0$/)
  if (!found || found[1] !== name) return {}
  if (found[2] === "<")
    return { domainUsed: true, domain: { high: { value: core.const(-1e-3), strict: false } } }
  return {
    domainUsed: true,
    domain: { low: { value: core.const(found[2] === ">" ? 1e-3 : 0), strict: false } },
  }
}

function make(core: Core, p: Pattern, holes: Map<string, Expr>, axis: AxisExpr): Expr {
  if (p.kind === "reduce") return core.define(p.op, [axis], core.true, make(core, p.body, holes, axis))
  if (p.kind === "op")
    return core.raw(
      p.op,
      p.args.map((x) => make(core, x, holes, axis)),
    )
  return build(core, p, holes)
}

const groups: readonly (readonly [string, readonly Rule[]])[] = [
  ["identities", identities],
  ["stabilising", stabilising],
  ["finishing", finishing],
  ["expansions", expansions],
]

for (const [group, rules] of groups)
  describe(group, () => {
    test("names are unique", () => {
      expect(new Set(rules.map((r) => r.name)).size).toBe(rules.length)
    })
    for (const rule of rules)
      test(`${rule.name}: ${rule.from} => ${rule.to}`, () => {
        const { core, inputs, from } = leftHandSide(rule)
        const to = applyRules(core, new RuleSet([rule]), from.op, from.args)
        expect(to, "the rule fires on its own left-hand side").toBeDefined()
        expect(to).not.toBe(from)
        const next = random(20251)
        for (let i = 0; i < samples; i++) {
          const values = new Map(
            [...inputs].map(([name, input]) => [input, sample(input, i, next, signOf(rule, name))]),
          )
          const at = (e: Expr): number =>
            evaluator(doubles, { sizes: new Map(), elements: (input) => values.get(input)! }).scalar(e)
          const [x, y] = [at(from), at(to!)]
          // A value that the left-hand side loses to overflow or a pole may be found by the right-hand side; never the reverse.
          if (!Number.isFinite(x)) continue
          const close = Math.abs(x - y) <= (rule.class === "exact" ? 0 : 1e-11 * Math.max(1, Math.abs(x)))
          expect(
            close,
            `${[...values].map(([k, v]) => `${k.name} = ${v.join()}`).join(", ")}: ${x} became ${y}`,
          ).toBe(true)
        }
      })
  })

/** The sign that a condition asks of a hole; 0 if it may have either. */
function signOf({ when }: Rule, name: string): -1 | 0 | 1 {
  if (!when?.includes(name)) return 0
  return when.includes("<") ? -1 : 1
}

function sample(input: Input, turn: number, next: () => number, sign: -1 | 0 | 1): number[] {
  const one = (): number => {
    if (input.type === "bool") return next() < 0.5 ? 0 : 1
    if (input.type === "int") return Math.floor(next() * 9) - 4
    const value = turn % 7 === 0 ? Math.floor(next() * 7) - 3 : (next() - 0.5) * (turn % 3 === 0 ? 20 : 4)
    return sign === 0 ? value : sign * (Math.abs(value) + 1e-3)
  }
  return input.dimensions.length === 0 ? [one()] : [one(), one(), one()]
}
