// A checked loss -> what the catalogue and the command line say about it: one value for both.
import type { AxisExpr, Expr } from "../ir.ts"
import { isConst } from "../ir.ts"
import { type Tex, atom, fraction, indexed, word } from "../latex/tex.ts"
import type { Loss } from "../loss.ts"
import { outputsOf } from "../outputs.ts"
import { printDefinitions } from "../print-core.ts"
import { type Equation, type Latex, latexPrinter } from "../print-latex.ts"
import { readSettings } from "../run/settings.ts"
import { type ArgumentInfo, argumentsOf, signatureOf } from "../signature.ts"
import { rewriter } from "../simplify.ts"
import { transformer } from "../transform.ts"
import { type Comment, readComment } from "./comment.ts"
import { bodyOf, declarationOf } from "./declaration.ts"

/** A formula in both notations. */
export interface Formula extends Latex {
  /** In the language's own notation. */
  readonly text: string
}

/** Everything the documentation says about one loss. */
export interface Entry extends Comment {
  readonly name: string
  /** The header on one line. */
  readonly signature: string
  /** The declaration as written, in the standard form and without comments. */
  readonly declaration: string
  readonly inputs: readonly ArgumentInfo[]
  /** The loss of a row, with what `where` and `per` say. */
  readonly formula: Formula
  /** The derivatives of the sum over the rows, for the defaults of the static options. */
  readonly gradient: Formula
  /** The static options with the values that the gradient is for. */
  readonly fixed: Readonly<Record<string, number | string | boolean>>
}

/** Describes a loss. */
export function entryOf(loss: Loss): Entry {
  const settings = readSettings(loss, { grad: "all", reduction: "sum" })
  const latex = latexPrinter(loss.core)
  const declaration = declarationOf(loss)
  const formula = { ...latex(formulaOf(loss)), text: bodyOf(declaration) }
  const { equations, heads } = gradientsOf(loss, settings.choice)
  const inputs = argumentsOf(loss)
  return {
    name: loss.name,
    ...readComment(loss.doc),
    signature: signatureOf(loss),
    declaration,
    inputs,
    formula,
    gradient: { ...latex(equations), text: printDefinitions(heads) },
    fixed: Object.fromEntries(
      inputs.filter((one) => one.static && one.default !== undefined).map((one) => [one.name, one.default!]),
    ),
  }
}

// ------------------------------------------------------------------------------------------------ equations

const loss = (index: readonly Tex[]): Tex => indexed(atom("L", 1), index)

function formulaOf({ core, batch, value, where, per }: Loss): Equation[] {
  const stable = rewriter(core, "stabilise")
  const tail = (word: string, e: Expr): Equation => ({ left: loss, axes: [], value: stable(e), word })
  return [
    { left: loss, axes: batch, value: stable(value) },
    ...(isConst(where, 1) ? [] : [tail("where", where)]),
    ...(isConst(per, 1) ? [] : [tail("per", per)]),
  ]
}

/** The derivatives by the arguments before the semicolon, with every optional argument given. */
function gradientsOf(
  checked: Loss,
  choice: ReturnType<typeof readSettings>["choice"],
): { readonly equations: readonly Equation[]; readonly heads: Parameters<typeof printDefinitions>[0] } {
  const { core } = checked
  const given = new Set(checked.inputs.map(({ name }) => name))
  const { scalars, arrays } = outputsOf(checked, { ...choice, given })
  const all: { name: string; axes: readonly AxisExpr[]; value: Expr }[] = [
    ...scalars.flatMap(({ name, value }) =>
      name.startsWith("grad:") ? [{ name: name.slice(5), axes: [], value }] : [],
    ),
    ...arrays,
  ]
  // That a sum of exponentials may be empty matters to kernels, and is noise in a formula.
  const plain = transformer(core, {
    op: (op, [x, y]) =>
      op === "lt" && isConst(x!, -Infinity) && isLogSum(y!)
        ? core.true
        : op === "ne" &&
            ((isConst(x!, -Infinity) && isLogSum(y!)) || (isConst(y!, -Infinity) && isLogSum(x!)))
          ? core.true
          : undefined,
  })
  return {
    equations: all.map(({ name, axes, value }) => ({ left: derivative(name), axes, value: plain(value) })),
    heads: all.map(({ name, axes, value }) => [`d ${name}`, axes, value] as const),
  }
}

const isLogSum = (e: Expr): boolean =>
  (e.kind === "ref" && e.def.op === "logsumexp") || (e.kind === "op" && e.op === "logaddexp")

const derivative =
  (name: string) =>
  (index: readonly Tex[]): Tex => {
    const below = indexed(word(name), index)
    return fraction(atom("\\partial L", 2), atom(`\\partial ${below.text}`, below.width + 1))
  }
