/** The rules for what stands in a header: axes, arguments, types and domains. */

import type { IToken } from "chevrotain"
import { nearest, quote } from "../src/diagnostics.ts"
import type {
  Argument,
  Axis,
  Bound,
  Components,
  Domain,
  Expr,
  Name,
  Scalar,
  StringLiteral,
  Type,
} from "./ast.ts"
import type { Problem } from "./messages.ts"
import { Reader } from "./reader.ts"
import * as t from "./tokens.ts"

/** Type names of other languages, and what to write. */
const otherTypes: ReadonlyMap<string, string> = new Map([
  ...["float", "double", "number", "num", "float32", "float64", "f32", "f64", "tensor", "vector"].map(
    (name): [string, string] => [name, "real"],
  ),
  ...["long", "integer", "int32", "int64", "i32", "i64", "uint", "nat"].map((name): [string, string] => [
    name,
    "int",
  ]),
  ...["boolean", "mask", "flag"].map((name): [string, string] => [name, "bool"]),
  ...["label", "labels", "class", "idx"].map((name): [string, string] => [name, "index c"]),
  ...["string", "str", "enum", "choice"].map((name): [string, string] => [name, '"a" | "b"']),
])

const plainTypes = ["real", "int", "bool"] as const
const scalarWords = [...plainTypes, "index", ...otherTypes.keys()]

const modifiers = ["shared", "static"] as const

function isOneOf<T extends string>(words: readonly T[], text: string): text is T {
  return (words as readonly string[]).includes(text)
}

type Ends = { readonly low: Expr; readonly high: Expr }

/** The rules of headers. */
export abstract class HeaderParser extends Reader {
  /** An expression of sums and tighter operators: what `=` and comparisons end. */
  protected arithmetic(index: number): Expr {
    return this.subrule(index, this.expression, { ARGS: [true] })
  }

  protected readonly axes = this.RULE("axes", (): Axis[] => {
    this.CONSUME(t.LBracket)
    const items = this.list(0, () => this.SUBRULE(this.axis))
    this.CONSUME(t.RBracket)
    return items
  })

  private readonly axis = this.RULE("axis", (): Axis =>
    this.OR([
      {
        ALT: (): Axis => {
          const token = this.CONSUME(t.Rest)
          return { kind: "rest", span: t.spanOf(token) }
        },
      },
      {
        ALT: (): Axis => {
          const name = this.CONSUME(t.Name)
          const components = this.OPTION(() => {
            this.CONSUME(t.Colon)
            return this.SUBRULE(this.members)
          })
          return components ? this.components(name, this.nameOf(name), components) : this.nameOf(name)
        },
      },
      {
        ALT: () => {
          const opener = this.LA(1)
          return this.components(opener, undefined, this.SUBRULE1(this.members))
        },
      },
      { ALT: () => this.sizeAsAxis(this.CONSUME(t.NumberToken)) },
    ]),
  )

  private components(start: IToken, name: Name | undefined, members: readonly Name[]): Components {
    return { kind: "components", name, members, span: this.since(start) }
  }

  /** `(x1, y1)`: names in parentheses. */
  protected readonly members = this.RULE("members", (): Name[] => {
    this.CONSUME(t.LParen)
    const names = this.list(0, () => this.nameOf(this.CONSUME(t.Name)), { trailing: false })
    if (names.length === 0) this.noNames()
    this.CONSUME(t.RParen)
    return names
  })

  private noNames(): void {
    if (this.RECORDING_PHASE || this.LA(1).tokenType !== t.RParen) return
    this.give({ code: "expected-name", message: "expected a name after `(`, found `)`" }, this.LA(1))
  }

  // ----------------------------------------------------------------------------------- arguments

  protected readonly arguments = this.RULE("arguments", (): Argument[] =>
    this.list(0, () => this.SUBRULE(this.argument)),
  )

  private readonly argument = this.RULE("argument", (): Argument => {
    const docs = this.docs()
    const start = this.LA(1)
    const modifier = this.OPTION({
      GATE: () => this.aheadWord(...modifiers) && this.LA(2).tokenType === t.Name,
      DEF: () => this.CONSUME(t.Name).image,
    })
    const name = this.nameOf(this.CONSUME1(t.Name))
    const type = this.OPTION1(() => {
      this.CONSUME(t.Colon)
      return this.SUBRULE(this.type)
    })
    const domain = this.OPTION2(() => this.SUBRULE(this.domain))
    const value = this.OPTION3(() => {
      this.OR([
        { ALT: () => this.CONSUME(t.Equal) },
        { ALT: () => this.defaultEquals(this.CONSUME(t.EqualEqual)) },
        { ALT: () => this.defaultEquals(this.CONSUME(t.Assign)) },
      ])
      return this.SUBRULE(this.expression)
    })
    return {
      kind: "argument",
      docs,
      modifier: modifier !== undefined && isOneOf(modifiers, modifier) ? modifier : undefined,
      name,
      type,
      domain,
      default: value,
      span: this.since(start),
    }
  })

  private defaultEquals(token: IToken): void {
    const message = `a default is written with one \`=\`, found ${quote(token.image)}`
    this.tell({ code: "default-equals", message, help: "write `=`" }, token)
  }

  // --------------------------------------------------------------------------------------- types

  protected readonly type = this.RULE("type", (): Type => {
    const start = this.LA(1)
    const { axes, scalar } = this.OR([
      {
        ALT: (): Pick<Type, "axes" | "scalar"> => {
          const axes = this.SUBRULE(this.axes)
          const scalar = this.OPTION({
            // Behind axes, a name that is no type belongs to the next argument.
            GATE: () => this.LA(1).tokenType !== t.Name || this.aheadWord(...scalarWords),
            DEF: () => this.SUBRULE(this.scalar),
          })
          return { axes, scalar }
        },
      },
      { ALT: (): Pick<Type, "axes" | "scalar"> => ({ axes: [], scalar: this.SUBRULE1(this.scalar) }) },
    ])
    return { kind: "type", axes, scalar, span: this.since(start) }
  })

  private readonly scalar = this.RULE("scalar", (): Scalar => {
    const start = this.LA(1)
    return this.OR([
      {
        ALT: (): Scalar => {
          const members = [this.textOf(this.CONSUME(t.Text))]
          this.MANY(() => {
            this.CONSUME(t.Bar)
            members.push(this.textOf(this.CONSUME1(t.Text)))
          })
          return { kind: "choice", members, span: this.since(start) }
        },
      },
      {
        ALT: (): Scalar => {
          const word = this.CONSUME(t.Name)
          let sentinel = false
          const axis = this.OPTION({
            GATE: () => word.image === "index",
            DEF: () => {
              sentinel = this.OPTION1(() => this.CONSUME(t.Question)) !== undefined
              return this.OPTION2(() => this.CONSUME1(t.Name))
            },
          })
          return this.ACTION(() => this.scalarOf(word, sentinel, axis))
        },
      },
    ])
  })

  private scalarOf(word: IToken, sentinel: boolean, axis: IToken | undefined): Scalar {
    const span = this.since(word)
    if (axis) return { kind: "index", sentinel, axis: this.nameOf(axis), span }
    if (isOneOf(plainTypes, word.image)) return { kind: "plain", type: word.image, span }
    if (word.image === "index") {
      const written = sentinel ? "index?" : "index"
      const message = `an index needs the axis it points into`
      this.tell({ code: "index-axis", message, help: `write \`${written} c\`` }, word)
    } else {
      const near = otherTypes.get(word.image.toLowerCase()) ?? nearest(word.image, [...plainTypes, "index"])
      this.tell(unknownType(word, near), word)
    }
    return { kind: "plain", type: "real", span }
  }

  protected textOf(token: IToken): StringLiteral {
    return { kind: "string", value: t.meaning(token).slice(1, -1), span: t.spanOf(token) }
  }

  // ------------------------------------------------------------------------------------- domains

  private readonly domain = this.RULE("domain", (): Domain => {
    const start = this.LA(1)
    return this.OR([
      {
        ALT: (): Domain => {
          this.CONSUME(t.In)
          const { low, high } = this.SUBRULE(this.interval)
          return { kind: "interval", low, high, span: this.since(start) }
        },
      },
      {
        ALT: (): Domain => {
          const bounds = [this.SUBRULE(this.bound)]
          this.MANY(() => {
            this.CONSUME(t.And)
            bounds.push(this.SUBRULE1(this.bound))
          })
          return { kind: "bounds", bounds, span: this.since(start) }
        },
      },
    ])
  })

  /** `[a, b]`; half-open intervals and ranges are understood and reported. */
  private readonly interval = this.RULE("interval", (): Ends => {
    const start = this.LA(1)
    return this.OR([
      {
        ALT: (): Ends => {
          const opener = this.OR1([
            { ALT: () => this.CONSUME(t.LBracket) },
            { ALT: () => this.CONSUME(t.LParen) },
          ])
          const low = this.arithmetic(0)
          this.CONSUME(t.Comma)
          const high = this.arithmetic(1)
          const closer = this.OR2([
            { ALT: () => this.CONSUME(t.RBracket) },
            { ALT: () => this.CONSUME(t.RParen) },
          ])
          this.ACTION(() => this.closedInterval(opener, low, high, closer))
          return { low, high }
        },
      },
      {
        IGNORE_AMBIGUITIES: true,
        ALT: (): Ends => {
          const low = this.arithmetic(2)
          this.CONSUME(t.DotDot)
          const high = this.arithmetic(3)
          this.ACTION(() => {
            const span = this.since(start)
            const help = `write \`in [${this.text(low.span)}, ${this.text(high.span)}]\``
            this.note("interval-range", span, "the values of an argument are an interval `[a, b]`", { help })
          })
          return { low, high }
        },
      },
    ])
  })

  private closedInterval(opener: IToken, low: Expr, high: Expr, closer: IToken): void {
    if (opener.tokenType === t.LBracket && closer.tokenType === t.RBracket) return
    const from = `${opener.tokenType === t.LBracket ? ">=" : ">"} ${this.text(low.span)}`
    const to = `${closer.tokenType === t.RBracket ? "<=" : "<"} ${this.text(high.span)}`
    this.note("open-interval", this.since(opener), "an interval is closed: `[a, b]`", {
      help: `for open ends write ${quote(`${from} and ${to}`)} without \`in\``,
    })
  }

  private readonly bound = this.RULE("bound", (): Bound => {
    const operator = this.CONSUME(t.Relation)
    const value = this.arithmetic(0)
    return {
      kind: "bound",
      operator: operator.image as Bound["operator"],
      value,
      span: this.since(operator),
    }
  })
}

function unknownType(word: IToken, near: string | undefined): Problem {
  return {
    code: "unknown-type",
    message: `${quote(word.image)} is not a type`,
    help:
      near === undefined
        ? "a type is `real`, `int`, `bool`, `index c`, or a choice of texts"
        : `write \`${near}\``,
  }
}
