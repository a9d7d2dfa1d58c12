/** The rules of expressions. */

import { tokenMatcher, type IToken } from "chevrotain"
import { quote } from "../src/diagnostics.ts"
import type {
  Axis,
  Binder,
  Binding,
  Call,
  Entry,
  Expr,
  Fold,
  Name,
  NamedArgument,
  Range,
  Rest,
  State,
} from "./ast.ts"
import { HeaderParser } from "./headers.ts"
import { beside, expectedToken, reservedWord, startsOperand, strange, type Problem } from "./messages.ts"
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

const filterWords: Problem = {
  code: "filter-not-last",
  message: "the filter stands after the last index",
  help: "move it to the end of the brackets",
}

const semicolonInCall: Problem = {
  code: "semicolon-in-call",
  message: "a call has no `;`",
  help: "name the option: `huber(x, y, delta = 2)`",
}

const letSeparator: Problem = {
  code: "let-separator",
  message: "the parts of a `let` are separated by commas",
  help: "write `let a = …, b = … in value`",
}

interface Bound {
  readonly binders: readonly Binder[]
  readonly filter: Expr | undefined
}

type CallArguments = Pick<Call, "arguments" | "named">

/** The rules that need no declaration around them. */
export abstract class ExpressionParser extends HeaderParser {
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

  /** `[NAME =`: a substitution; anything else in brackets names an index, or is a position. */
  private entriesAhead(): boolean {
    const { tokenType } = this.LA(2)
    const named = tokenType === t.Name || tokenType === t.Rest || tokenType === t.NumberToken
    return named && this.LA(3).tokenType === t.Equal
  }

  private readonly entries = this.RULE("entries", (): Entry[] => {
    this.CONSUME(t.LBracket)
    const entries = this.list(0, () => this.SUBRULE(this.entry))
    this.CONSUME(t.RBracket)
    return entries
  })

  private readonly entry = this.RULE("entry", (): Entry => {
    const start = this.LA(1)
    this.ACTION(() => this.entryNamed(start))
    const axis = this.SUBRULE(this.index)
    this.CONSUME(t.Equal)
    const value = this.SUBRULE(this.expression)
    return { kind: "entry", axis, value, span: this.since(start) }
  })

  private entryNamed(start: IToken): void {
    if (start.tokenType !== t.NumberToken || this.LA(2).tokenType === t.Equal) return
    const message = `${quote(start.image)}: axes are named, not numbered`
    this.give({ code: "position-index", message, help: `say which axis: \`[c = ${start.image}]\`` }, start)
  }

  private readonly index = this.RULE("index", (): Name | Rest =>
    this.OR([
      { ALT: (): Name | Rest => this.nameOf(this.CONSUME(t.Name)) },
      { ALT: (): Name | Rest => ({ kind: "rest", span: t.spanOf(this.CONSUME(t.Rest)) }) },
      { ALT: (): Name | Rest => this.sizeAsAxis(this.CONSUME(t.NumberToken)) },
    ]),
  )

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

  private zero(span: { start: number; end: number }): Expr {
    return { kind: "number", value: 0, text: "0", span }
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

  // -------------------------------------------------------------------------------------- indices

  /** `[NAME` with what can follow an index: a range, another index, a filter, or the end. */
  private bindersAhead(): boolean {
    if (!this.ahead(t.LBracket, t.Name) && !this.ahead(t.LBracket, t.Rest)) return false
    const { tokenType } = this.LA(3)
    if (tokenType === t.Comma && this.LA(4).tokenType === t.NumberToken) return false
    return [t.In, t.Comma, t.RBracket, t.IfWord, t.Semicolon, t.Name].includes(tokenType)
  }

  private readonly brackets = this.RULE("brackets", (): Bound => {
    this.CONSUME(t.LBracket)
    const bound = this.SUBRULE(this.binders)
    this.CONSUME(t.RBracket)
    return bound
  })

  private readonly binders = this.RULE("binders", (): Bound => {
    const binders: Binder[] = []
    const filters: { word: IToken; value: Expr; index: number }[] = []
    this.list(0, () => {
      this.OR([
        {
          ALT: () => {
            binders.push(this.SUBRULE(this.binder))
            this.MANY(() => {
              const word = this.CONSUME(t.IfWord)
              filters.push({ word, value: this.SUBRULE(this.expression), index: binders.length })
            })
          },
        },
        {
          ALT: () => {
            const word = this.CONSUME1(t.IfWord)
            filters.push({ word, value: this.SUBRULE1(this.expression), index: binders.length })
          },
        },
      ])
    })
    this.ACTION(() => {
      const early = filters.find(({ index }) => index < binders.length)
      if (early) this.tell(filterWords, early.word)
      else if (filters.length > 1)
        this.tell(
          { code: "filter-twice", message: "there is one filter", help: "join the conditions with `and`" },
          filters[1]!.word,
        )
    })
    return { binders, filter: filters[0]?.value }
  })

  private readonly binder = this.RULE("binder", (): Binder => {
    const start = this.LA(1)
    const index = this.SUBRULE(this.index)
    const range = this.OPTION(() => {
      this.CONSUME(t.In)
      return this.SUBRULE(this.range)
    })
    return { kind: "binder", index, range, span: this.since(start) }
  })

  private readonly range = this.RULE("range", (): Range => {
    const start = this.LA(1)
    const low = this.arithmetic(0)
    const high = this.OPTION(() => {
      this.CONSUME(t.DotDot)
      return this.arithmetic(1)
    })
    const span = this.since(start)
    return high ? { kind: "from-to", low, high, span } : { kind: "extent", value: low, span }
  })

  // ------------------------------------------------------------------------------------------ let

  private readonly letExpression = this.RULE("let", (): Expr => {
    const start = this.LA(1)
    const bindings: Binding[] = []
    // `let … in let … in` is one list: each binding sees the earlier ones either way.
    this.AT_LEAST_ONE(() => {
      this.CONSUME(t.LetWord)
      bindings.push(
        ...this.list(0, () => this.SUBRULE(this.binding), {
          again: () => this.bindingAhead(),
          missing: letSeparator,
          semicolon: letSeparator,
        }),
      )
      this.ACTION(() => this.LA(0).tokenType !== t.LetWord || this.missingIn())
      const word = this.OPTION(() => this.CONSUME(t.In))
      if (!word) this.ACTION(() => this.missingIn())
    })
    const body = this.SUBRULE(this.expression)
    return this.ACTION(() =>
      this.node({ kind: "let", bindings, body, span: this.since(start) }, [
        ...bindings.flatMap(bindingParts),
        body,
      ]),
    )
  })

  private bindingAhead(): boolean {
    return this.ahead(t.Name, t.Equal) || (this.aheadWord("axis") && this.ahead(t.Name, t.Name, t.Equal))
  }

  private missingIn(): void {
    const found = this.LA(1)
    const previous = this.LA(0)
    const opened = previous.tokenType === t.LetWord || previous.tokenType === t.Comma
    if (opened && found.tokenType === t.Def) {
      this.give(
        {
          code: "local-declaration",
          message: "in a `let`, a function has no `def`",
          help: "leave out `def`",
        },
        found,
      )
    }
    if (opened) {
      if (t.reserved.has(found.image) && found.tokenType !== t.In) this.give(reservedWord(found), found)
      this.give(
        strange(found) ?? { ...expectedToken("a name", found, previous), code: "expected-name" },
        found,
      )
    }
    const problem: Problem = {
      code: "missing-in",
      message: expectedToken("`in`", found, previous).message,
      help: "write `let a = …, b = … in value`",
    }
    if (startsOperand(found) || found.tokenType === t.Minus) this.tell(problem, found)
    else this.give(strange(found) ?? problem, found)
  }

  private readonly binding = this.RULE("binding", (): Binding => {
    const start = this.LA(1)
    return this.OR([
      {
        GATE: () => this.aheadWord("axis") && this.LA(2).tokenType === t.Name,
        ALT: (): Binding => {
          this.CONSUME(t.Name)
          const name = this.nameOf(this.CONSUME1(t.Name))
          this.CONSUME(t.Equal)
          const range = this.SUBRULE(this.range)
          return { kind: "axis-binding", name, range, span: this.since(start) }
        },
      },
      {
        ALT: (): Binding => {
          const names = this.SUBRULE(this.members)
          this.CONSUME1(t.Equal)
          const value = this.SUBRULE(this.expression)
          const span = this.since(start)
          if (names.length === 1) return { kind: "value-binding", name: names[0]!, binders: [], value, span }
          return { kind: "tuple-binding", names, value, span }
        },
      },
      {
        ALT: (): Binding => {
          const name = this.nameOf(this.CONSUME2(t.Name))
          const bound = this.OPTION(() => this.SUBRULE(this.brackets))
          return this.OR1([
            {
              ALT: (): Binding => {
                this.CONSUME(t.LParen)
                const parameters = this.SUBRULE(this.arguments)
                this.CONSUME(t.RParen)
                this.CONSUME2(t.Equal)
                const body = this.SUBRULE1(this.expression)
                const axes = this.ACTION(() => this.axesOf(bound))
                return {
                  kind: "function-binding",
                  name,
                  axes,
                  arguments: parameters,
                  body,
                  span: this.since(start),
                }
              },
            },
            {
              ALT: (): Binding => {
                this.CONSUME3(t.Equal)
                const value = this.SUBRULE2(this.expression)
                const binders = this.ACTION(() => this.tableOf(bound))
                return { kind: "value-binding", name, binders, value, span: this.since(start) }
              },
            },
          ])
        },
      },
    ])
  })

  private tableOf(bound: Bound | undefined): readonly Binder[] {
    if (bound?.filter)
      this.note("table-filter", bound.filter.span, "a table has a value for every index", {
        help: "write `if … then … else …` in its value, or filter where it is reduced",
      })
    return bound?.binders ?? []
  }

  private axesOf(bound: Bound | undefined): readonly Axis[] {
    const binders = bound?.binders ?? []
    const over = bound?.filter?.span ?? binders.find(({ range }) => range)?.range?.span
    if (over)
      this.note("function-axis", over, "the axes of a function are given where it is called", {
        help: "write the names only: `f[k](x) = …`",
      })
    return binders.map(({ index }) => index)
  }

  // ------------------------------------------------------------------------------------------- if

  private readonly ifExpression = this.RULE("if", (): Expr => {
    const arms: { word: IToken; condition: Expr; value: Expr }[] = []
    this.arm(0, this.CONSUME(t.IfWord), arms)
    // A loop, so that a long chain of `else if` does not nest.
    this.MANY({
      GATE: () => this.ahead(t.Else, t.IfWord),
      DEF: () => {
        this.CONSUME(t.Else)
        this.arm(1, this.CONSUME1(t.IfWord), arms)
      },
    })
    const last = this.OPTION(() => {
      this.CONSUME1(t.Else)
      return this.SUBRULE(this.expression)
    })
    return this.ACTION(() => {
      let result = last ?? this.withoutElse(arms.at(-1)!.word)
      const { end } = this.since(arms[0]!.word)
      for (const { word, condition, value } of arms.reverse()) {
        const span = { start: word.startOffset, end }
        result = this.node({ kind: "if", condition, whenTrue: value, whenFalse: result, span }, [
          condition,
          value,
          result,
        ])
      }
      return result
    })
  })

  private arm(index: number, word: IToken, arms: { word: IToken; condition: Expr; value: Expr }[]): void {
    const condition = this.subrule(10 + index, this.expression)
    const then = this.option(10 + index, () => this.consume(index, t.Then))
    if (!then) this.ACTION(() => this.noThen())
    const value = this.subrule(20 + index, this.expression)
    this.besides(index)
    arms.push({ word, condition, value })
  }

  private noThen(): void {
    const found = this.LA(1)
    const problem: Problem = {
      code: "expected-then",
      message: `expected \`then\` behind the condition, found ${found.image ? quote(found.image) : "the end of the declaration"}`,
      help: "write `if c then a else b`",
    }
    if (startsOperand(found) && !strange(found)) this.tell(problem, found)
    else this.give(strange(found) ?? problem, found)
  }

  private withoutElse(word: IToken): Expr {
    this.note("if-without-else", t.spanOf(word), "`if` is a value and needs `else`", {
      help: "add `else 0`, or leave rows out with `where`",
    })
    return this.zero(t.spanOf(word))
  }

  // ----------------------------------------------------------------------------------------- fold

  private readonly fold = this.RULE("fold", (): Expr => {
    const word = this.OR([{ ALT: () => this.CONSUME(t.FoldWord) }, { ALT: () => this.CONSUME(t.Scan) }])
    this.CONSUME(t.LBracket)
    const bound = this.SUBRULE(this.binders)
    this.ACTION(() => bound.binders.length > 0 || this.noIndex())
    let grad = this.OPTION(() => {
      this.CONSUME(t.Semicolon)
      return this.SUBRULE(this.grad)
    })
    this.CONSUME(t.RBracket)
    this.CONSUME(t.LParen)
    const states = this.list(0, () => this.SUBRULE(this.state), { trailing: false })
    this.ACTION(() => states.length > 0 || this.noState())
    this.CONSUME(t.RParen)
    const arrow = this.OPTION1(() => this.CONSUME(t.FatArrow))
    if (!arrow) this.ACTION(() => this.noArrow())
    const step = this.SUBRULE(this.expression)
    this.OPTION2({
      GATE: () => this.aheadWord("grad") && this.LA(2).tokenType === t.Name,
      DEF: () => {
        const at = this.LA(1)
        grad = this.SUBRULE1(this.grad)
        const help = `write \`${word.image}[…; grad ${grad ?? "envelope"}](…) => …\``
        this.tell({ code: "fold-grad", message: "how to differentiate stands in the brackets", help }, at)
      },
    })
    return this.ACTION(() => {
      const form = word.tokenType === t.Scan ? "scan" : "fold"
      const span = this.since(word)
      const parts = [bound.filter, ...states.map(({ initial }) => initial), step]
      return this.node({ kind: "fold", form, ...bound, grad, states, step, span }, [
        ...parts,
        ...bound.binders.flatMap(({ range }) => rangeParts(range)),
      ])
    })
  })

  private readonly grad = this.RULE("grad", (): Fold["grad"] => {
    const word = this.CONSUME(t.Name)
    const how = this.OPTION(() => this.CONSUME1(t.Name))
    return this.ACTION(() => {
      if (word.image === "grad" && (how?.image === "envelope" || how?.image === "unroll")) return how.image
      const found = how && word.image === "grad" ? how : word
      this.tell(
        {
          code: "expected-token",
          message: `expected \`grad envelope\` or \`grad unroll\`, found ${quote(found.image)}`,
        },
        found,
      )
      return undefined
    })
  })

  private readonly state = this.RULE("state", (): State => {
    const start = this.LA(1)
    const name = this.nameOf(this.CONSUME(t.Name))
    const type = this.OPTION(() => {
      this.CONSUME(t.Colon)
      return this.SUBRULE(this.type)
    })
    this.CONSUME(t.Equal)
    const initial = this.SUBRULE(this.expression)
    return { kind: "state", name, type, initial, span: this.since(start) }
  })

  private noState(): void {
    const found = this.LA(1)
    if (found.tokenType !== t.RParen) return
    const message = "a fold needs a state with an initial value, found `)`"
    this.give({ code: "expected-name", message, help: "write `fold[t](a = 0) => …`" }, found)
  }

  private noIndex(): void {
    const found = this.LA(1)
    if (found.tokenType !== t.RBracket && found.tokenType !== t.Semicolon) return
    const message = `a fold needs an index, found ${quote(found.image)}`
    this.give(
      { code: "expected-name", message, help: "write `fold[t](a = 0) => …`, or `fold[_ in 5]` to repeat" },
      found,
    )
  }

  private noArrow(): void {
    const found = this.LA(1)
    const problem: Problem = {
      code: "fold-arrow",
      message: `expected \`=>\` in front of the step, found ${found.image ? quote(found.image) : "the end of the declaration"}`,
      help: "write `fold[t](a = 0) => …`",
    }
    if (startsOperand(found) || found.tokenType === t.Minus || found.tokenType === t.Not)
      this.tell(problem, found)
    else this.give(problem, found)
  }
}

/** Numbers of other languages: `0xff`, `1_000`, `1f`. */
function numberForm(digits: string, rest: string): string | undefined {
  if (digits === "0" && /^[xob][0-9a-f]+$/i.test(rest)) return "numbers are decimal"
  if (/^_\d/.test(rest)) return "the digits of a number are not grouped"
  if (/^[fFdDlLnNuU]$/.test(rest))
    return "a number has no suffix; if this is a name, write `*` in front of it"
  return undefined
}

function rangeParts(range: Range | undefined): Expr[] {
  if (!range) return []
  return range.kind === "extent" ? [range.value] : [range.low, range.high]
}

function bindingParts(binding: Binding): Expr[] {
  switch (binding.kind) {
    case "value-binding":
      return [binding.value, ...binding.binders.flatMap(({ range }) => rangeParts(range))]
    case "tuple-binding":
      return [binding.value]
    case "function-binding":
      return [binding.body, ...binding.arguments.flatMap((one) => one.default ?? [])]
    case "axis-binding":
      return rangeParts(binding.range)
  }
}
