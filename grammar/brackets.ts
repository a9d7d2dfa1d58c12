/** Tokens -> declarations whose brackets match, so that what is wrong in one stays in it. */

import type { IToken } from "chevrotain"
import { error, quote, type Report } from "../src/diagnostics.ts"
import type { Source } from "../src/source.ts"
import * as t from "./tokens.ts"

const closers = new Map([
  [t.LParen, t.RParen],
  [t.LBracket, t.RBracket],
  [t.LBrace, t.RBrace],
])
const closing = new Set(closers.values())

/**
 * Cuts the tokens where a declaration begins: at `loss NAME`, `def NAME` and `use STRING`. A `def` behind
 * `=`, `let` or `in` stays where it is, because there it was meant to be local.
 */
export function cut(tokens: readonly IToken[]): IToken[][] {
  const parts: IToken[][] = []
  tokens.forEach((token, at) => {
    const next = tokens[at + 1]?.tokenType
    const before = tokens[at - 1]?.tokenType
    const begins =
      token.tokenType === t.UseWord
        ? next === t.Text
        : token.tokenType === t.LossWord
          ? next === t.Name && before !== t.LetWord
          : token.tokenType === t.Def && next === t.Name && !local.has(before)
    if (begins || at === 0) parts.push([])
    parts.at(-1)!.push(token)
  })
  return parts
}

const local = new Set<unknown>([t.Equal, t.LetWord, t.In])

/** Reports brackets without a partner; says whether all have one. */
export function balanced(tokens: readonly IToken[], source: Source, report: Report): boolean {
  const open: { token: IToken; before: IToken | undefined }[] = []
  for (const [at, token] of tokens.entries()) {
    if (closers.has(token.tokenType)) open.push({ token, before: tokens[at - 1] })
    if (!closing.has(token.tokenType)) continue
    const opener = open.pop()
    const span = t.spanOf(token)
    if (!opener) {
      report.add(
        error("extra-bracket", source, span, `${quote(token.image)} closes nothing`, {
          help: "leave it out",
        }),
      )
      return false
    }
    const wanted = closers.get(opener.token.tokenType)!
    if (wanted === token.tokenType) continue
    // Half-open intervals are understood, and reported by the parser.
    const interval = opener.before?.tokenType === t.In && token.tokenType !== t.RBrace
    if (interval && opener.token.tokenType !== t.LBrace) continue
    const outer = open.at(-1)
    // `sum[d(x)`: if the closer fits the bracket outside, the inner one was forgotten.
    if (outer && closers.get(outer.token.tokenType) === token.tokenType) {
      report.add(neverClosed(opener.token, source))
    } else {
      report.add(
        error(
          "bracket-mismatch",
          source,
          span,
          `${quote(opener.token.image)} is closed by ${quote(token.image)}`,
          {
            label: `expected ${quote(wanted.LABEL!)}`,
          },
        ),
      )
    }
    return false
  }
  if (open.length === 0) return true
  report.add(neverClosed(open.at(-1)!.token, source))
  return false
}

function neverClosed(opener: IToken, source: Source) {
  const closer = closers.get(opener.tokenType)!
  return error("open-bracket", source, t.spanOf(opener), `${quote(opener.image)} is never closed`, {
    help: `write ${quote(closer.LABEL!)} where it ends`,
  })
}
