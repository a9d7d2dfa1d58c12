/** The rules of what stands in brackets behind a name: substitutions, and indices with their ranges. */

import type { IToken } from "chevrotain"
import { quote } from "../src/diagnostics.ts"
import type { Binder, Entry, Expr, Name, Range, Rest } from "./ast.ts"
import { HeaderParser } from "./headers.ts"
import type { Problem } from "./messages.ts"
import * as t from "./tokens.ts"

const filterNotLast: Problem = {
  code: "filter-not-last",
  message: "the filter stands after the last index",
  help: "move it to the end of the brackets",
}

/** `[j in b if j != b]` */
export interface Bound {
  readonly binders: readonly Binder[]
  readonly filter: Expr | undefined
}

/** Rules of brackets; what is between them needs the rule of expressions. */
export abstract class IndexParser extends HeaderParser {
  /** `[NAME =`: a substitution; anything else in brackets names an index, or is a position. */
  protected entriesAhead(): boolean {
    const { tokenType } = this.LA(2)
    const named = tokenType === t.Name || tokenType === t.Rest || tokenType === t.NumberToken
    return named && this.LA(3).tokenType === t.Equal
  }

  protected readonly entries = this.RULE("entries", (): Entry[] => {
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

  /** `[NAME` with what can follow an index: a range, another index, a filter, or the end. */
  protected bindersAhead(): boolean {
    if (!this.ahead(t.LBracket, t.Name) && !this.ahead(t.LBracket, t.Rest)) return false
    const { tokenType } = this.LA(3)
    if (tokenType === t.Comma && this.LA(4).tokenType === t.NumberToken) return false
    return [t.In, t.Comma, t.RBracket, t.IfWord, t.Semicolon, t.Name].includes(tokenType)
  }

  protected readonly brackets = this.RULE("brackets", (): Bound => {
    this.CONSUME(t.LBracket)
    const bound = this.SUBRULE(this.binders)
    this.CONSUME(t.RBracket)
    return bound
  })

  protected readonly binders = this.RULE("binders", (): Bound => {
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
      if (early) this.tell(filterNotLast, early.word)
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

  protected readonly range = this.RULE("range", (): Range => {
    const start = this.LA(1)
    const low = this.arithmetic(0)
    const high = this.OPTION(() => {
      this.CONSUME(t.DotDot)
      return this.arithmetic(1)
    })
    const span = this.since(start)
    return high ? { kind: "from-to", low, high, span } : { kind: "extent", value: low, span }
  })
}

/** The expressions in a range. */
export function rangeParts(range: Range | undefined): Expr[] {
  if (!range) return []
  return range.kind === "extent" ? [range.value] : [range.low, range.high]
}
