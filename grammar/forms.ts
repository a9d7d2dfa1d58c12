/** The rules of the forms that reach as far right as they can: `let`, `if`, `fold` and `scan`. */

import type { IToken } from "chevrotain"
import { quote } from "../src/diagnostics.ts"
import type { Axis, Binder, Binding, Expr, Fold, State } from "./ast.ts"
import { IndexParser, rangeParts, type Bound } from "./indices.ts"
import { expectedToken, reservedWord, startsOperand, strange, type Problem } from "./messages.ts"
import * as t from "./tokens.ts"

const letSeparator: Problem = {
  code: "let-separator",
  message: "the parts of a `let` are separated by commas",
  help: "write `let a = …, b = … in value`",
}

/** An `if` or `else if` with its value. */
interface Arm {
  readonly word: IToken
  readonly condition: Expr
  readonly value: Expr
}

/** Rules of forms; their parts need the rule of expressions. */
export abstract class FormParser extends IndexParser {
  // ------------------------------------------------------------------------------------------ let

  protected readonly letExpression = this.RULE("let", (): Expr => {
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

  protected readonly ifExpression = this.RULE("if", (): Expr => {
    const arms: Arm[] = []
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

  private arm(index: number, word: IToken, arms: Arm[]): void {
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

  protected readonly fold = this.RULE("fold", (): Expr => {
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

  /** What is read in place of something that is missing. */
  protected zero(span: { start: number; end: number }): Expr {
    return { kind: "number", value: 0, text: "0", span }
  }
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
