/** The rules of expressions: operands, what may stand behind them, and calls. */

import { tokenMatcher, type IToken } from "chevrotain"
import { quote } from "../src/diagnostics.ts"
import type { Call, Entry, Expr, NamedArgument } from "./ast.ts"
import { FormParser } from "./forms.ts"
import { rangeParts, type Bound } from "./indices.ts"
import { beside, type Problem } from "./messages.ts"
import { climb, levelOf, levels, type Item } from "./operators.ts"
import * as t from "./tokens.ts"

/** Forms that reach as far right as they can, and so are no operands. */
const forms = new Set([t.LetWord, t.IfWord, t.FoldWord, t.Scan])

/** Names that reduce: `sum[d]` without an argument is a forgotten argument, not a subscript. */
const reductions = new Set(
  (
    "sum mean max min prod any all count argmax argmin argsort logsumexp logmeanexp " +
    "softmax logSoftmax normalize norm dot sqdist dist cosine variance cumsum"
  ).split(" "),
)
const semicolonInCall: Problem = {
  code: "semicolon-in-call",
  message: "a call has no `;`",
  help: "name the option: `huber(x, y, delta = 2)`",
}
type CallArguments = Pick<Call, "arguments" | "named">

/** The rules that need no declaration around them. */
export abstract class ExpressionParser extends FormParser {
  /** Operands and operators as a flat list, made a tree by `climb`. */
  readonly expression = this.RULE("expression", (arithmetic = false): Expr => {
    this.deeper()
    const items: Item[] = []
    this.operand(0, items)
    this.MANY9({
      GATE: () => this.infixAhead(arithmetic) || this.juxtaposed(),
      DEF: () => {
        this.OR([
          {
            ALT: () => {
              items.push({ kind: "infix", token: this.CONSUME(t.Infix) })
              this.operand(1, items)
            },
          },
          {
            GATE: () => this.juxtaposed(),
            ALT: () => {
              this.ACTION(() => this.product(items))
              this.applied(2, items)
            },
          },
        ])
      },
    })
    const value = this.ACTION(() => this.tree(items, arithmetic))
    this.depth--
    return value
  })

  private infixAhead(arithmetic: boolean): boolean {
    const next = this.LA(1)
    return tokenMatcher(next, t.Infix) && (!arithmetic || levelOf(next) >= levels.sum)
  }

  /** `2x` and `2(x)`: nothing between them, and so not a forgotten comma. */
  private juxtaposed(): boolean {
    const { tokenType, startOffset, image } = this.LA(0)
    const next = this.LA(1)
    if (tokenType !== t.NumberToken || (next.tokenType !== t.Name && next.tokenType !== t.LParen))
      return false
    return startOffset + image.length === next.startOffset
  }

  private product(items: Item[]): void {
    const number = this.LA(0)
    const next = this.LA(1)
    const form = numberForm(number.image, next.image)
    if (form) this.note("number-form", { start: number.startOffset, end: t.spanOf(next).end }, form)
    else this.tell(beside(number, next), next)
    items.push({
      kind: "infix",
      token: { ...next, image: "*", tokenType: t.Star, tokenTypeIdx: t.Star.tokenTypeIdx! },
    })
  }

  private tree(items: readonly Item[], arithmetic: boolean): Expr {
    const only = items[0]!
    if (arithmetic && items.length === 1 && only.kind === "operand" && only.form)
      this.note("operand-form", t.spanOf(only.form), `${quote(only.form.image)} needs parentheses here`, {
        help: `write \`(${only.form.image} …)\``,
      })
    return climb(items, this)
  }

  private operand(index: number, items: Item[]): void {
    this.many(index, () => {
      items.push({ kind: "prefix", token: this.consume(index, t.Prefix) })
    })
    this.applied(index, items)
  }

  /** A primary with the substitutions and members behind it. */
  private applied(index: number, items: Item[]): void {
    const start = this.LA(1)
    let value = this.subrule(index, this.primary)
    this.many(10 + index, () => {
      const before = value
      const opener = this.LA(1)
      value = this.or(10 + index, [
        {
          GATE: () => this.entriesAhead(),
          ALT: (): Expr => {
            const entries = this.subrule(index, this.entries)
            return this.ACTION(() => this.substitute(start, before, entries))
          },
        },
        {
          ALT: (): Expr => {
            const closer = this.subrule(index, this.positions)
            this.ACTION(() => this.position(start, opener, closer, before))
            return before
          },
        },
        {
          ALT: (): Expr => {
            this.consume(index, t.Dot)
            const name = this.consume(index, t.Name)
            const call = this.option(index, () => this.subrule(20 + index, this.callArguments))
            return this.ACTION(() => this.member(start, before, name, call !== undefined))
          },
        },
      ])
    })
    this.ACTION(() => {
      const substitution = value.kind === "substitute" && value.default === undefined
      const form = forms.has(start.tokenType) ? start : undefined
      items.push({ kind: "operand", value, span: this.since(start), form, substitution })
    })
  }

  // -------------------------------------------------------------------------------------- postfix

  private substitute(start: IToken, target: Expr, entries: readonly Entry[]): Expr {
    this.literal(target, start)
    return this.node({ kind: "substitute", target, entries, default: undefined, span: this.since(start) }, [
      target,
      ...entries.map(({ value }) => value),
    ])
  }

  private member(start: IToken, target: Expr, name: IToken, called: boolean): Expr {
    if (called) {
      const fix = `${name.image}(${this.text(target.span)})`
      this.note("method", t.spanOf(name), "there are no methods", { help: `write ${quote(fix)}` })
      return target
    }
    this.literal(target, start)
    return this.node({ kind: "member", target, name: this.nameOf(name), span: this.since(start) }, [target])
  }

  private literal(target: Expr, start: IToken): void {
    if (target.kind === "number" && start.tokenType === t.NumberToken)
      this.note("literal-postfix", target.span, "a number has no axes and no components")
  }

  /** What PyTorch and JavaScript write: `[0]`, `[:, 1]`, `[i]`, `[mask]`. */
  private readonly positions = this.RULE("positions", (): IToken => {
    this.CONSUME(t.LBracket)
    this.MANY(() => {
      this.OR([
        { ALT: () => this.SUBRULE(this.expression) },
        { ALT: () => this.CONSUME(t.Colon) },
        { ALT: () => this.CONSUME(t.Comma) },
        { ALT: () => this.CONSUME(t.Rest) },
      ])
    })
    const closer = this.CONSUME(t.RBracket)
    // `sum[1](x)`: the argument belongs to what is already reported.
    this.OPTION(() => this.SUBRULE(this.callArguments))
    return closer
  })

  private position(start: IToken, opener: IToken, closer: IToken, target: Expr): void {
    const brackets = { start: opener.startOffset, end: closer.startOffset + 1 }
    const written = this.text(brackets)
    const name = this.text({ start: start.startOffset, end: opener.startOffset }).trim()
    const compared = /^\[\s*([A-Za-z_]\w*)\s*==/.exec(written)
    if (compared) {
      this.note("subst-equals", brackets, "a substitution is written with one `=`", {
        help: `write \`[${compared[1]} = …]\``,
      })
      return
    }
    const inside = written.slice(1, -1).trim()
    if (target.kind === "name" && reductions.has(name)) {
      if (/^[A-Za-z_.]/.test(inside) && this.LA(0) === closer) return this.forgotten(start, brackets)
      this.note("position-index", brackets, `${quote(name + written)}: axes are named, not numbered`, {
        help: `say which axis: \`${name}[d](…)\``,
      })
      return
    }
    const simple = /^-?[\w.]+$/.test(inside) ? inside : "…"
    this.note("position-index", brackets, `${quote(name + written)}: axes are named, not numbered`, {
      help: `say which axis: \`${name.length < 20 ? name : "x"}[c = ${simple}]\``,
    })
  }

  private forgotten(start: IToken, brackets: { start: number; end: number }): void {
    const written = this.text({ start: start.startOffset, end: brackets.end })
    this.note(
      "reduce-what",
      { start: start.startOffset, end: brackets.end },
      `${quote(written)} does not say of what`,
      {
        help: `write \`${written}(…)\``,
      },
    )
  }

  // -------------------------------------------------------------------------------------- primary

  private readonly primary = this.RULE("primary", (): Expr =>
    this.OR([
      { ALT: (): Expr => this.numberOf(this.CONSUME(t.NumberToken)) },
      {
        ALT: (): Expr => {
          const name = this.CONSUME(t.Name)
          const bound = this.OPTION({
            GATE: () => this.bindersAhead(),
            DEF: () => this.SUBRULE(this.brackets),
          })
          const call = this.OPTION1(() => this.SUBRULE(this.callArguments))
          return this.ACTION(() => this.callOf(name, bound, call))
        },
      },
      { ALT: (): Expr => this.SUBRULE(this.group) },
      { ALT: (): Expr => this.SUBRULE(this.letExpression) },
      { ALT: (): Expr => this.SUBRULE(this.ifExpression) },
      { ALT: (): Expr => this.SUBRULE(this.fold) },
      { ALT: (): Expr => ({ kind: "boolean", value: true, span: t.spanOf(this.CONSUME(t.True)) }) },
      { ALT: (): Expr => ({ kind: "boolean", value: false, span: t.spanOf(this.CONSUME(t.False)) }) },
      { ALT: (): Expr => this.textOf(this.CONSUME(t.Text)) },
      {
        GATE: () => this.LA(2).tokenType === t.LParen,
        ALT: (): Expr => {
          const where = this.CONSUME(t.Where)
          this.SUBRULE1(this.callArguments)
          return this.ACTION(() => this.whereFunction(where))
        },
      },
      {
        ALT: (): Expr => {
          const opener = this.LA(1)
          this.listed++
          this.SUBRULE(this.positions)
          this.listed--
          return this.ACTION(() => this.listValue(opener))
        },
      },
    ]),
  )

  private numberOf(token: IToken): Expr {
    const text = t.meaning(token)
    const value = Number(text)
    const span = t.spanOf(token)
    if (value === Infinity)
      this.note("number-range", span, "this number is beyond the largest one, 1.8e308", {
        help: "write `inf`",
      })
    return { kind: "number", value, text, span }
  }
  private whereFunction(where: IToken): Expr {
    this.note("where-function", t.spanOf(where), "`where` is the tail of a loss, not a function", {
      help: "write `if c then a else b`",
    })
    return this.zero(this.since(where))
  }

  private listValue(opener: IToken): Expr {
    if (this.listed > 0) return this.zero(this.since(opener))
    const written = this.text(this.since(opener)).replace("[", "(").replace(/\]$/, ")")
    this.note("list-value", this.since(opener), "there are no lists of numbers", {
      help: `pass them as an input: \`shared w: [c]\`; as a default write ${quote(written)}`,
    })
    return this.zero(this.since(opener))
  }

  private callOf(name: IToken, bound: Bound | undefined, call: CallArguments | undefined): Expr {
    const callee = this.nameOf(name)
    if (!call) {
      if (bound) this.position(name, this.bracketOf(name), this.LA(0), callee)
      return callee
    }
    const { binders = [], filter } = bound ?? {}
    const parts = [
      filter,
      ...binders.flatMap(({ range }) => rangeParts(range)),
      ...call.arguments,
      ...call.named.map((one) => one.value),
    ]
    return this.node({ kind: "call", callee, binders, filter, ...call, span: this.since(name) }, parts)
  }

  /** The bracket behind a name that was read a while ago. */
  private bracketOf(name: IToken): IToken {
    const at = this.input.indexOf(name)
    return this.input[at + 1]!
  }

  private readonly callArguments = this.RULE("callArguments", (): CallArguments => {
    const positional: Expr[] = []
    const named: NamedArgument[] = []
    this.CONSUME(t.LParen)
    this.list(
      0,
      () => {
        const start = this.LA(1)
        const name = this.OPTION({
          GATE: () => this.ahead(t.Name, t.Equal),
          DEF: () => {
            const word = this.CONSUME(t.Name)
            this.CONSUME(t.Equal)
            return word
          },
        })
        const value = this.SUBRULE(this.expression)
        this.ACTION(() => {
          if (name) {
            named.push({ kind: "named-argument", name: this.nameOf(name), value, span: this.since(start) })
            return
          }
          positional.push(value)
          if (named.length === 0) return
          const message = "an argument without a name stands after one with a name"
          const help = "name it too, or move it to the front"
          this.note("positional-after-named", value.span, message, { help })
        })
      },
      { semicolon: semicolonInCall },
    )
    this.CONSUME(t.RParen)
    return { arguments: positional, named }
  })

  private readonly group = this.RULE("group", (): Expr => {
    const opener = this.CONSUME(t.LParen)
    const items = [this.SUBRULE(this.expression)]
    this.besides(0)
    this.MANY({
      GATE: () => this.LA(2).tokenType !== t.RParen,
      DEF: () => {
        this.CONSUME(t.Comma)
        items.push(this.SUBRULE1(this.expression))
        this.besides(1)
      },
    })
    this.CONSUME(t.RParen)
    if (items.length === 1) return items[0]!
    return this.node({ kind: "tuple", items, span: this.since(opener) }, items)
  })
}

/** Numbers of other languages: `0xff`, `1_000`, `1f`. */
function numberForm(digits: string, rest: string): string | undefined {
  if (digits === "0" && /^[xob][0-9a-f]+$/i.test(rest)) return "numbers are decimal"
  if (/^_\d/.test(rest)) return "the digits of a number are not grouped"
  if (/^[fFdDlLnNuU]$/.test(rest))
    return "a number has no suffix; if this is a name, write `*` in front of it"
  return undefined
}
