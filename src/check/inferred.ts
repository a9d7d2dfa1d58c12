// What a bare expression was found to say of its names -> the axes, arguments and options of the loss that it stands for.
import type * as Ast from "../../grammar/ast.ts"
import type { Span } from "../source.ts"

/** Inputs that share a feature axis. */
export interface Feature {
  /** Leads to the feature it was joined with. */
  same?: Feature
  name?: string
  /** The names of its entries. */
  components?: readonly Ast.Name[]
}

/** What the text says of an input. */
export interface Found {
  readonly span: Span
  feature?: Feature
  /** The feature axis that the input points into. */
  into?: Feature
  /** Some text allows values that are no index. */
  sentinel?: boolean
  type?: "bool" | "int"
}

const none: Span = { start: 0, end: 0 }

/** The node of a name. */
export const nameNode = (name: string, span: Span = none): Ast.Name => ({ kind: "name", name, span })

/** What the text says of the names that it uses. */
interface Text {
  /** Its inputs. */
  readonly found: ReadonlyMap<string, Found>
  readonly params: ReadonlyMap<string, number | boolean>
  /** The parameters it reads. */
  readonly used: ReadonlySet<string>
  /** The axes it names; those that get a letter of their own are added. */
  readonly axes: Set<string>
}

/** The header of the loss that a bare expression stands for. */
export function headerOf(text: Text): Pick<Ast.Loss, "axes" | "arguments" | "options"> {
  const header = new Header(text)
  const inputs = [...text.found]
    .sort(([, x], [, y]) => x.span.start - y.span.start)
    .map(([name, one]) => header.argument(name, one))
  const options = [...text.params].filter(([name]) => text.used.has(name))
  return {
    axes: header.batch(),
    arguments: inputs,
    options: options.map(([name, value]) => option(name, value)),
  }
}

class Header {
  private readonly text: Text

  constructor(text: Text) {
    this.text = text
  }

  /** One batch axis if there are features or the text names it, else any number of them. */
  batch(): Ast.Axis[] {
    if (this.text.found.size === 0) return []
    const features = [...this.text.found.values()].some((one) => one.feature || one.into)
    if (!features && !this.text.axes.has("b")) return [{ kind: "rest", span: none }]
    const taken = (name: string): boolean => this.text.found.has(name) || this.text.params.has(name)
    return [nameNode(["b", "n", "rows"].find((name) => !taken(name)) ?? "row")]
  }

  argument(name: string, { span, feature, into, sentinel, type }: Found): Ast.Argument {
    const axes = feature ? [this.axisNode(feature)] : []
    const scalar: Ast.Scalar | undefined = into
      ? { kind: "index", sentinel: sentinel === true, axis: nameNode(this.axisOf(into)), span }
      : type && { kind: "plain", type, span }
    const typed: Ast.Type | undefined = feature || scalar ? { kind: "type", axes, scalar, span } : undefined
    return {
      kind: "argument",
      docs: [],
      modifier: undefined,
      name: nameNode(name, span),
      type: typed,
      domain: undefined,
      default: undefined,
      span,
    }
  }

  private axisNode(feature: Feature): Ast.Axis {
    const name = nameNode(this.axisOf(feature))
    const members = rootOf(feature).components
    return members ? { kind: "components", name, members, span: none } : name
  }

  /** The name of a feature axis; one that the text does not name gets a letter of its own. */
  private axisOf(feature: Feature): string {
    const root = rootOf(feature)
    if (root.name === undefined) {
      const taken = (name: string): boolean =>
        this.text.found.has(name) || this.text.params.has(name) || this.text.axes.has(name)
      root.name = [..."defghklmpqruvwx"].find((name) => !taken(name)) ?? `d${this.text.axes.size}`
      this.text.axes.add(root.name)
    }
    return root.name
  }
}

/** The feature axis that all it was joined with share. */
export function rootOf(feature: Feature): Feature {
  let at = feature
  while (at.same) at = at.same
  return at
}

function option(name: string, value: number | boolean): Ast.Argument {
  const truth = typeof value === "boolean"
  return {
    kind: "argument",
    docs: [],
    modifier: undefined,
    name: nameNode(name),
    type: {
      kind: "type",
      axes: [],
      scalar: { kind: "plain", type: truth ? "bool" : "real", span: none },
      span: none,
    },
    domain: undefined,
    default: truth
      ? { kind: "boolean", value, span: none }
      : { kind: "number", value, text: String(value), span: none },
    span: none,
  }
}
