// Expressions, and the signatures of functions that may stand in them -> documents.
import type { Argument, Axis, Binary, Binder, Binding, Domain, Expr, If, Let, Range } from "./ast.ts"
import { type Doc, align, group, indent, join, line, newline, softline } from "./layout.ts"
import { levels, operatorLevels } from "./operators.ts"
import { RemarkPrinter } from "./print-remarks.ts"
import { printAxis, printIndex, printType } from "./print-types.ts"

export class ExpressionPrinter extends RemarkPrinter {
  /** An expression where nothing of it needs parentheses. */
  whole(expr: Expr): Doc {
    return this.expr(expr, 0)
  }

  /** An expression where `=`, `..` or a comparison follows. */
  private arithmetic(expr: Expr): Doc {
    return this.expr(expr, levels.sum)
  }

  /** An expression in parentheses if it binds less tightly than its surroundings ask. */
  private expr(expr: Expr, least: number): Doc {
    return level(expr) < least ? this.parenthesised(expr) : this.remarked(expr, this.form(expr))
  }

  protected parenthesised(expr: Expr): Doc {
    return this.remarked(expr, this.parens(this.form(expr)))
  }

  private parens(doc: Doc): Doc {
    return ["(", align(doc), ")"]
  }

  protected form(expr: Expr): Doc {
    switch (expr.kind) {
      case "number":
        return expr.text
      case "boolean":
        return String(expr.value)
      case "string":
        return `"${expr.value}"`
      case "name":
        return expr.name
      case "tuple":
        return this.list(
          "(",
          expr.items.map((item) => this.whole(item)),
          ")",
        )
      case "member":
        return [this.target(expr.target), ".", expr.name.name]
      case "call": {
        const binders = expr.binders.length > 0 ? this.binders(expr.binders, expr.filter, "") : ""
        const named = expr.named.map((one) =>
          this.remarked(one, [`${one.name.name} = `, this.whole(one.value)]),
        )
        const args = [...expr.arguments.map((one) => this.whole(one)), ...named]
        return [expr.callee.name, binders, this.list("(", args, ")")]
      }
      case "substitute": {
        const entries = expr.entries.map(({ axis, value }) => [printIndex(axis), " = ", this.whole(value)])
        const of = [this.target(expr.target), this.list("[", entries, "]")]
        return expr.default ? [of, " ?? ", this.fallback(expr.default)] : of
      }
      case "unary":
        return expr.operator === "-"
          ? ["-", this.expr(expr.operand, levels.negative)]
          : ["not ", this.expr(expr.operand, levels.not)]
      case "binary":
        return this.binary(expr)
      case "if":
        return this.condition(expr)
      case "let":
        return align(this.bindings(expr.bindings, this.inner(expr)))
      case "fold": {
        const grad = expr.grad ? `; grad ${expr.grad}` : ""
        const states = expr.states.map(({ name, type, initial }): Doc => {
          return [name.name, type ? [": ", printType(type)] : "", " = ", this.whole(initial)]
        })
        return group([
          expr.form,
          this.binders(expr.binders, expr.filter, grad),
          this.list("(", states, ")"),
          " =>",
          indent([line, this.whole(expr.step)]),
        ])
      }
    }
  }

  private list(opener: string, items: readonly Doc[], closer: string): Doc {
    if (items.length === 0) return opener + closer
    return group([opener, indent([softline, join([",", line], items)]), softline, closer])
  }

  /** What a substitution or a component stands behind. */
  private target(expr: Expr): Doc {
    return expr.kind === "number" ? this.parenthesised(expr) : this.expr(expr, levels.postfix)
  }

  /** What stands behind `??`: another substitution, or an operand that may have a sign. */
  private fallback(expr: Expr): Doc {
    let operand = expr
    while (operand.kind === "unary" && operand.operator === "-") operand = operand.operand
    const clear = expr.kind === "substitute" || level(operand) === levels.postfix
    return clear ? this.whole(expr) : this.parenthesised(expr)
  }

  private binary(expr: Binary): Doc {
    const { operator } = expr
    const own = operatorLevels[operator]
    if (own === levels.power) {
      const signed = expr.right.kind === "unary" && expr.right.operator === "-"
      const right = signed ? this.whole(expr.right) : this.expr(expr.right, levels.power)
      return [this.expr(expr.left, levels.power + 1), "^", right]
    }
    // A chain of the same level breaks at all its operators or at none.
    const rest: Doc[] = []
    let first: Expr = expr
    while (first.kind === "binary" && operatorLevels[first.operator] === own) {
      const { right } = first
      const operand = level(right) <= own ? this.parens(this.form(right)) : this.form(right)
      const behind = first === expr ? "" : this.behind(first)
      rest.push([line, this.above(right), first.operator, " ", operand, this.behind(right), behind])
      first = first.left
      if (own === levels.comparison) break
    }
    const least = own === levels.comparison ? own + 1 : own
    return group([this.expr(first, least), indent(rest.reverse())])
  }

  private condition(expr: If): Doc {
    const { condition, whenTrue, whenFalse } = expr
    if (whenFalse.kind !== "if")
      return group([
        "if ",
        this.whole(condition),
        indent([this.branch("then ", whenTrue), this.branch("else ", whenFalse)]),
      ])
    const arms: Doc[] = [this.arm("if ", condition, whenTrue)]
    let last: Expr = whenFalse
    while (last.kind === "if") {
      arms.push([line, this.above(last), this.arm("else if ", last.condition, last.whenTrue)])
      last = last.whenFalse
    }
    return align(group([arms, this.branch("else ", last)]))
  }

  /** A condition and its value; a comment behind the value does not separate the two. */
  private arm(word: string, condition: Expr, value: Expr): Doc {
    const then = [line, this.above(value), "then ", this.form(value)]
    return [group([word, this.whole(condition), indent(then)]), this.behind(value)]
  }

  /** A part of an `if` on its own line, with its comments above the word. */
  private branch(word: string, value: Expr): Doc {
    return [line, this.above(value), word, this.form(value), this.behind(value)]
  }

  private inner(expr: Let): Doc {
    return expr.body.kind === "let" ? this.parenthesised(expr.body) : this.whole(expr.body)
  }

  protected bindings(bindings: readonly Binding[], value: Doc): Doc {
    const docs = bindings.map((binding) => this.remarked(binding, this.binding(binding)))
    if (docs.length === 1) return group(["let ", align(docs), " in", line, value])
    return ["let ", align(join([",", newline], docs)), " in", newline, value]
  }

  private binding(binding: Binding): Doc {
    switch (binding.kind) {
      case "value-binding": {
        const table = binding.binders.length > 0 ? this.binders(binding.binders, undefined, "") : ""
        return [binding.name.name, table, this.given(binding.value)]
      }
      case "tuple-binding":
        return [
          "(",
          join(
            ", ",
            binding.names.map(({ name }) => name),
          ),
          ") = ",
          this.whole(binding.value),
        ]
      case "axis-binding":
        return [`axis ${binding.name.name} = `, this.range(binding.range)]
      case "function-binding":
        return [
          binding.name.name,
          this.axes(binding.axes),
          this.arguments(binding.arguments, []),
          this.given(binding.body),
        ]
    }
  }

  /** What a name stands for. A `let` begins on a line of its own if it needs more than one. */
  private given(value: Expr): Doc {
    if (value.kind !== "let") return [" = ", this.whole(value)]
    return group([" =", indent([line, this.whole(value)])])
  }

  private binders(binders: readonly Binder[], filter: Expr | undefined, end: string): Doc {
    const docs = binders.map(({ index, range }): Doc => {
      return range ? [printIndex(index), " in ", this.range(range)] : printIndex(index)
    })
    const condition = filter ? this.branch("if ", filter) : ""
    return group(["[", indent([softline, join([",", line], docs), condition, end]), softline, "]"])
  }

  private range(range: Range): Doc {
    if (range.kind === "extent") return this.arithmetic(range.value)
    return [this.arithmetic(range.low), " .. ", this.arithmetic(range.high)]
  }

  protected axes(axes: readonly Axis[]): Doc {
    return axes.length === 0 ? "" : ["[", join(", ", axes.map(printAxis)), "]"]
  }

  protected arguments(samples: readonly Argument[], options: readonly Argument[]): Doc {
    if (samples.length + options.length === 0) return "()"
    const list = (args: readonly Argument[]) =>
      join(
        [",", line],
        args.map((one) => this.argument(one)),
      )
    const tail = options.length === 0 ? "" : [";", line, list(options)]
    return group(["(", indent([softline, list(samples), tail]), softline, ")"])
  }

  private argument(node: Argument): Doc {
    const { modifier, name, type, domain } = node
    return this.remarked(node, [
      this.docs(node.docs),
      modifier ? `${modifier} ` : "",
      name.name,
      type ? [": ", printType(type)] : "",
      domain ? [" ", this.domain(domain)] : "",
      node.default ? [" = ", this.whole(node.default)] : "",
    ])
  }

  private domain(domain: Domain): Doc {
    if (domain.kind === "interval")
      return ["in [", this.arithmetic(domain.low), ", ", this.arithmetic(domain.high), "]"]
    return join(
      " and ",
      domain.bounds.map(({ operator, value }) => [operator, " ", this.arithmetic(value)]),
    )
  }
}

/** How tightly an expression holds together; 0 is what reaches as far right as it can. */
function level(expr: Expr): number {
  switch (expr.kind) {
    case "let":
    case "if":
    case "fold":
      return 0
    case "substitute":
      return expr.default ? levels.default : levels.postfix
    case "binary":
      return operatorLevels[expr.operator]
    case "unary":
      return expr.operator === "-" ? levels.negative : levels.not
    default:
      return levels.postfix
  }
}
