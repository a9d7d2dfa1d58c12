// The part of an emitted module that is the same for every loss: reads, checks and measures the arguments of a call.
//
// It is text because it goes into files. It reads `lossName`, `inputs`, `sizeNames`, `fixedSizes`, `floats`, `batch`, `checks`
// and `labelReads`, which are written in front of it. Every array is checked before anything is written; an Error says what
// is wrong with names, rows and values.
export const moduleText = `
function wrong(message) {
  throw new TypeError(message)
}
function outside(message) {
  throw new RangeError(message)
}
function isSize(value) {
  return Number.isSafeInteger(value) && value >= 0 && value <= 2147483647
}
function size(call, k) {
  const value = call.sizes[k]
  if (value === undefined) outside("nothing that was passed says how large axis " + sizeNames[k] + " is")
  return value
}
function extent(call, e) {
  return typeof e === "number" ? size(call, e) : e(call)
}
function isArray(value) {
  return Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof DataView))
}
function isDetached(array) {
  if (!ArrayBuffer.isView(array) || array.byteLength > 0 || !(array.buffer instanceof ArrayBuffer)) return false
  try {
    return new Uint8Array(array.buffer).length < 0
  } catch {
    return true
  }
}
function entries(object, what) {
  if (object === undefined || object === null) return new Map()
  if (typeof object !== "object" || isArray(object)) wrong(what + " is no object with names and values")
  return new Map(Object.keys(object).map((name) => [name, object[name]]).filter((entry) => entry[1] !== undefined))
}

function given(input, value) {
  if (typeof value === "number" || typeof value === "boolean") return { input, elements: [value], shape: [] }
  let elements = value
  let shape
  if (!isArray(value)) {
    if (typeof value !== "object" || value === null || !isArray(value.data) || !isArray(value.shape))
      wrong(input.name + " is no array and no { data, shape }")
    elements = value.data
    shape = Array.from(value.shape)
    if (!shape.every(isSize)) outside("the shape of " + input.name + " is not made of sizes")
    const product = shape.reduce((total, one) => total * one, 1)
    if (product !== elements.length)
      outside(input.name + " has " + elements.length + " elements, but its shape holds " + product)
  }
  if (isDetached(elements)) wrong("the memory of " + input.name + " was transferred elsewhere")
  return { input, elements, shape }
}

function scalar(input, value) {
  if (typeof value === "object" && value !== null && value.shape?.length === 0 && value.data?.length === 1)
    value = value.data[0]
  if (input.type === "bool") {
    if (value !== true && value !== false && value !== 0 && value !== 1) wrong(input.name + " is no boolean")
    return +value
  }
  if (typeof value !== "number") wrong(input.name + " is no number")
  if (input.type === "int" && !Number.isSafeInteger(value)) outside(input.name + " is " + value + "; expected a whole number")
  return value
}

function within(value, b) {
  return (
    (b.lowStrict ? value > b.low : value >= b.low) && (b.highStrict ? value < b.high : value <= b.high) && value !== b.not
  )
}
function boundsOf(call, domain) {
  return {
    low: domain.low ? +domain.low(call) : -Infinity,
    high: domain.high ? +domain.high(call) : Infinity,
    not: domain.not ? +domain.not(call) : undefined,
    lowStrict: domain.lowStrict,
    highStrict: domain.highStrict,
  }
}
function inWords(b) {
  const parts = []
  if (b.low !== -Infinity) parts.push((b.lowStrict ? "above " : "at least ") + b.low)
  if (b.high !== Infinity) parts.push((b.highStrict ? "below " : "at most ") + b.high)
  if (b.not !== undefined) parts.push("not " + b.not)
  return "a number " + parts.join(" and ")
}

function note(call, k, value, from) {
  if (!isSize(value)) outside("axis " + sizeNames[k] + " of " + from + " would have " + value + " elements")
  if (call.sizes[k] === undefined) {
    call.sizes[k] = value
    call.sources[k] = from
  } else if (call.sizes[k] !== value)
    outside(
      from + " and " + call.sources[k] + " disagree about axis " + sizeNames[k] + ": " + value + " in " + from + ", " +
        call.sizes[k] + " in " + call.sources[k],
    )
}

/** Finds the sizes of all axes: first from shapes, then from lengths with one unknown size. */
function measure(call, arrays) {
  const shaped = arrays.filter((a) => a.shape !== undefined)
  const rowed = shaped.filter((a) => a.input.sample && batch !== undefined && a.input.extents.includes(batch))
  const named = (a) => a.input.axes.filter((axis) => axis !== "...").length
  const lacking = rowed.find((a) => a.shape.length === named(a) - 1)
  const having = rowed.find((a) => a.shape.length === named(a) && named(a) === a.input.axes.length)
  if (lacking && having)
    wrong(having.input.name + " has the batch axis, but " + lacking.input.name + " lacks it")
  call.single = lacking !== undefined
  for (const a of shaped) {
    const { axes, extents, name } = a.input
    let shape = a.shape
    if (call.single && rowed.includes(a)) {
      const at = extents.indexOf(batch)
      const before = axes.slice(0, at).includes("...") ? shape.length - (axes.length - at - 1) : at
      shape = [...shape.slice(0, before), 1, ...shape.slice(before)]
    }
    const rest = axes.indexOf("...")
    if (rest < 0 ? shape.length !== axes.length : shape.length < axes.length - 1)
      wrong(name + " has the axes [" + axes.join(", ") + "], but came with the shape [" + a.shape.join(", ") + "]")
    const wide = shape.length - axes.length + 1
    extents.forEach((e, i) => {
      const from = rest >= 0 && i > rest ? i + wide - 1 : i
      const own = i === rest ? shape.slice(from, from + wide) : [shape[from]]
      if (typeof e !== "number") return
      if (i === rest) {
        const known = call.unfolded[e]
        if (known && (known.length !== own.length || known.some((one, k) => one !== own[k])))
          outside(name + " disagrees with another argument about the axes ...")
        call.unfolded[e] = own
      }
      note(call, e, own.reduce((total, one) => total * one, 1), name)
    })
  }
  let open = arrays.filter((a) => a.shape === undefined)
  while (open.length > 0) {
    const left = []
    for (const a of open) {
      const unknown = a.input.extents.filter((e) => typeof e === "number" && call.sizes[e] === undefined)
      const computed = a.input.extents.filter((e) => typeof e !== "number")
      if (unknown.length === 1 && computed.length === 0) {
        const known = a.input.extents.filter((e) => call.sizes[e] !== undefined)
        const product = known.reduce((total, e) => total * call.sizes[e], 1)
        if (product === 0) left.push(a)
        else if (a.elements.length % product !== 0)
          outside(
            a.input.name + " has " + a.elements.length + " elements, which do not divide into rows of " + product +
              ": its axes are [" + a.input.axes.join(", ") + "]",
          )
        else note(call, unknown[0], a.elements.length / product, a.input.name)
      } else if (unknown.length > 1 || (unknown.length === 1 && computed.length > 0)) left.push(a)
    }
    if (left.length === open.length)
      outside(left[0].input.name + " came without a shape, and the sizes of its axes are not known from other arguments")
    open = left
  }
  for (const a of arrays) {
    const product = a.input.extents.reduce((total, e) => total * extent(call, e), 1)
    if (a.elements.length !== product)
      outside(
        a.input.name + " has " + a.elements.length + " elements, but its axes [" + a.input.axes.join(", ") + "] ask for " + product,
      )
  }
}

function isLabel(value, below) {
  return value >= 0 && value < below && value === Math.floor(value)
}

function bad(call, input, at, length, value, wanted) {
  const rows = input.extents.length > 0 ? extent(call, input.extents[0]) : 1
  const inside = rows > 0 ? length / rows : 1
  const where = " in row " + Math.floor(at / inside) + (inside > 1 ? ", element " + (at % inside) : "")
  outside(input.name + " is " + value + (input.extents.length > 0 ? where : "") + "; expected " + wanted)
}
function badLabel(call, input, at, length, value, below) {
  bad(call, input, at, length, value, "a whole number from 0 to " + (below - 1) + " (axis " + input.label.axis + ")")
}

/** The elements as numbers, each checked. */
function elementsOf(call, input, elements) {
  let array = elements
  if (elements instanceof BigInt64Array || elements instanceof BigUint64Array) array = Float64Array.from(elements, Number)
  else if (!ArrayBuffer.isView(elements)) {
    const kind = input.type === "bool" ? Uint8Array : input.type === "real" ? floats : Float64Array
    for (let i = 0; i < elements.length; i++) {
      const value = elements[i]
      if (typeof value !== "number" && !(input.type === "bool" && typeof value === "boolean"))
        wrong("element " + i + " of " + input.name + " is no " + (input.type === "bool" ? "boolean" : "number"))
      if (input.type === "bool" && value !== true && value !== false && value !== 0 && value !== 1)
        bad(call, input, i, elements.length, value, "0 or 1")
    }
    array = kind.from(elements)
  } else if (input.type !== "real" && !(elements.buffer instanceof ArrayBuffer)) array = elements.slice()
  const { length } = array
  if (input.label && !input.label.optional) {
    const below = input.label.below(call)
    for (let i = 0; i < length; i++) if (!isLabel(array[i], below)) badLabel(call, input, i, length, array[i], below)
  } else if (input.type === "int" && !input.label) {
    for (let i = 0; i < length; i++)
      if (!Number.isSafeInteger(array[i])) bad(call, input, i, length, array[i], "a whole number")
  } else if (input.type === "bool") {
    for (let i = 0; i < length; i++) if (array[i] !== 0 && array[i] !== 1) bad(call, input, i, length, array[i], "0 or 1")
  }
  if (input.domain?.data) {
    const bounds = boundsOf(call, input.domain)
    for (let i = 0; i < length; i++)
      if (!within(array[i], bounds)) bad(call, input, i, length, array[i], inWords(bounds))
  }
  return array
}

/** The arguments by name, none missing. */
function named(args) {
  if (typeof args !== "object" || args === null || isArray(args)) wrong("the arguments of " + lossName + " are no object")
  const values = entries(args, "the arguments")
  for (const name of values.keys())
    if (!inputs.some((input) => input.name === name)) wrong(lossName + " has no argument " + name)
  const missing = inputs.find((input) => !input.optional && !values.has(input.name))
  if (missing) wrong(lossName + " needs the argument " + missing.name)
  return values
}
/** A call of which nothing is known yet. */
function newCall() {
  return { sizes: [...fixedSizes], sources: fixedSizes.map(() => "the module"), unfolded: [], scalars: [], arrays: [], single: false }
}
/** Fills in and checks the numbers of a call. */
function settle(call) {
  inputs.forEach((input, i) => {
    if (input.extents.length > 0) return
    if (call.scalars[i] === undefined) call.scalars[i] = +input.initial(call)
    const value = call.scalars[i]
    if (input.domain) {
      const bounds = boundsOf(call, input.domain)
      if (!within(value, bounds)) outside(input.name + " is " + value + "; expected " + inWords(bounds))
    }
    if (input.label && !input.label.optional && !isLabel(value, input.label.below(call)))
      badLabel(call, input, 0, 1, value, input.label.below(call))
  })
}

/** Everything about the arguments of one call, checked. */
function bind(args) {
  const values = named(args)
  const call = newCall()
  const came = []
  inputs.forEach((input, i) => {
    const value = values.get(input.name)
    if (value === undefined) return
    if (input.extents.length > 0) came.push(given(input, value))
    else call.scalars[i] = scalar(input, value)
  })
  measure(call, came)
  settle(call)
  for (const { input, elements } of came) call.arrays[inputs.indexOf(input)] = elementsOf(call, input, elements)
  for (const check of checks) if (!check.holds(call)) outside(check.message)
  return call
}

/** The values of an array argument that was left out. */
function fill(call, input) {
  if (!input.initial) wrong("this call needs the argument " + input.name + " too")
  const sizes = input.extents.map((e) => extent(call, e))
  const length = sizes.reduce((total, one) => total * one, 1)
  const out = new (input.type === "real" ? floats : Float64Array)(length)
  const at = sizes.map(() => 0)
  for (let i = 0; i < length; i++) {
    out[i] = +input.initial(call, at, i)
    for (let k = at.length - 1; k >= 0 && ++at[k] === sizes[k]; k--) at[k] = 0
  }
  return out
}

/** Labels that may be anything must point into their axis where something reads them. */
function checkLabels(call) {
  for (const { input, below, reads } of labelReads) {
    const label = inputs[input]
    const array = label.extents.length > 0 ? call.arrays[input] : [call.scalars[input]]
    if (array === undefined) continue
    const most = below(call)
    const sizes = label.extents.map((e) => extent(call, e))
    for (let i = 0; i < array.length; i++) {
      if (isLabel(array[i], most)) continue
      const at = []
      for (let k = sizes.length - 1, rest = i; k >= 0; k--) {
        at[k] = rest % sizes[k]
        rest = Math.floor(rest / sizes[k])
      }
      if (reads(call, at)) badLabel(call, label, i, array.length, array[i], most)
    }
  }
}

/** The array of a caller for a result, or a new one. */
function output(buffers, name, length) {
  const buffer = buffers.get(name)
  if (buffer === undefined) return new floats(length)
  if (!(buffer instanceof floats)) wrong("the buffer for the gradient of " + name + " is no " + floats.name)
  if (isDetached(buffer)) wrong("the memory of the buffer for " + name + " was transferred elsewhere")
  if (buffer.length !== length)
    outside("the buffer for the gradient of " + name + " has " + buffer.length + " elements; the gradient has " + length)
  return buffer
}

/** Buffers of the caller must not share memory with arguments or with each other. */
function checkOverlap(buffers, arrays) {
  const regions = [...buffers.values()]
  regions.forEach((x, i) => {
    for (const y of [...arrays, ...regions.slice(0, i)])
      if (
        ArrayBuffer.isView(y) && x.buffer === y.buffer &&
        x.byteOffset < y.byteOffset + y.byteLength && y.byteOffset < x.byteOffset + x.byteLength
      )
        wrong("a buffer for a gradient shares memory with an argument or with another buffer")
  })
}
`
