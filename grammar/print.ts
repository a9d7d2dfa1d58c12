// Tree -> text. What is printed parses to the same tree, and prints the same again.
import type { Body, Declaration, Expr, File } from "./ast.ts"
import { align, flatten, group, hardline, indent, layOut, line, type Doc } from "./layout.ts"
import { ExpressionPrinter } from "./print-expressions.ts"
import { remarkLines } from "./print-remarks.ts"
import { placeRemarks, type Remarks } from "./remarks.ts"

/** How a tree is printed. */
export interface PrintOptions {
  /** The columns that a line should not exceed. */
  readonly width?: number
}

/** Prints a file, comments included: what `lossc fmt` writes. */
export function print(file: File, options: PrintOptions = {}): string {
  const printer = new FilePrinter(placeRemarks(file))
  return layOut(printer.file(file), options.width ?? 100)
}

/** Prints an expression on one line, without comments. */
export function printExpression(expr: Expr): string {
  return flatten(new ExpressionPrinter(noRemarks).whole(expr))
}

const noRemarks: Remarks = { above: new Map(), behind: new Map(), last: [] }

class FilePrinter extends ExpressionPrinter {
  file(file: File): Doc {
    const parts = file.declarations.map((declaration, at): Doc => {
      const before = file.declarations[at - 1]
      const tight = before?.kind === "use" && declaration.kind === "use"
      return [before ? hardline : "", before && !tight ? hardline : "", this.declaration(declaration)]
    })
    const { last } = this.remarks
    const gap = parts.length > 0 && last.length > 0 ? [hardline, hardline] : ""
    return [parts, gap, remarkLines(last)]
  }

  private declaration(node: Declaration): Doc {
    return this.remarked(node, [this.docs(node.docs), this.undocumented(node)])
  }

  private undocumented(node: Declaration): Doc {
    switch (node.kind) {
      case "use":
        return `use "${node.path.value}"`
      case "bare":
        return this.body(node.body)
      case "def":
        return [
          `def ${node.name.name}`,
          this.axes(node.axes),
          this.arguments(node.arguments, []),
          group([" =", indent([line, this.whole(node.body)])]),
        ]
      case "loss":
        return [
          `loss ${node.name.name}`,
          this.axes(node.axes),
          this.arguments(node.arguments, node.options),
          group([" =", indent([line, this.body(node.body)])]),
        ]
    }
  }

  private body(body: Body): Doc {
    // A `let` in parentheses is not seen by the tails, and so keeps its parentheses.
    const value = body.value.kind === "let" ? this.parenthesised(body.value) : this.whole(body.value)
    const head = body.bindings.length > 0 ? this.bindings(body.bindings, value) : value
    const tails = [this.tail("where", body.where), this.tail("per", body.per)]
    return this.remarked(body, [head, tails])
  }

  private tail(word: string, value: Expr | undefined): Doc {
    if (!value) return ""
    return [hardline, this.above(value), `${word} `, align(this.form(value)), this.behind(value)]
  }
}
