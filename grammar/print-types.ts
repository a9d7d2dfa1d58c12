// Types and axes -> text: they have no expressions inside.
import type { Axis, Binder, Scalar, Type } from "./ast.ts"

export function printIndex(index: Binder["index"]): string {
  return index.kind === "rest" ? "..." : index.name
}

export function printAxis(axis: Axis): string {
  if (axis.kind !== "components") return printIndex(axis)
  const members = axis.members.map(({ name }) => name).join(", ")
  return axis.name ? `${axis.name.name}: (${members})` : `(${members})`
}

export function printType({ axes, scalar }: Type): string {
  const shape = axes.length > 0 || !scalar ? `[${axes.map(printAxis).join(", ")}]` : ""
  return [shape, scalar ? printScalar(scalar) : ""].filter((part) => part !== "").join(" ")
}

function printScalar(scalar: Scalar): string {
  switch (scalar.kind) {
    case "plain":
      return scalar.type
    case "index":
      return `index${scalar.sentinel ? "?" : ""} ${scalar.axis.name}`
    case "choice":
      return scalar.members.map(({ value }) => `"${value}"`).join(" | ")
  }
}
