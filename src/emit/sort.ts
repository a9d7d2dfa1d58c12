// The text of the function by which JavaScript kernels sort a row.
//
// A long row is sorted by the upper half of the bits of its keys, 11 bits at a time, which settles nearly all of it; what is
// equal so far is put in order by insertion. Where that would take long (keys that differ only in their last bits) and for
// short rows, runs are merged. Measured for random keys: 40 to 100 ns a key against 250 to 1000 of `Array.sort`.

/** A function of the names of the arguments of a `sort` statement, and the memory it works in. */
export const sortText = `\
let sortKeys = new Float64Array(0), sortWords = new Uint32Array(0)
let sortKeys2 = sortKeys, sortPlaces = new Int32Array(0), sortPlaces2 = sortPlaces
let sortHigh = sortWords, sortHigh2 = sortWords
const sortCounts = new Int32Array(6144)
const sortUpper = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1 ? 1 : 0
function sortRow(keys, keysAt, stride, index, indexAt, length) {
  if (sortKeys.length < length) {
    sortKeys = new Float64Array(length)
    sortWords = new Uint32Array(sortKeys.buffer)
    sortKeys2 = new Float64Array(length)
    sortPlaces = new Int32Array(length)
    sortPlaces2 = new Int32Array(length)
    sortHigh = new Uint32Array(length)
    sortHigh2 = new Uint32Array(length)
  }
  // Adding 0 makes 0 of -0.
  for (let i = 0; i < length; i++) sortKeys[i] = keys[keysAt + i * stride] + 0
  if (length < 128 || !sortByWords(index, indexAt, length)) mergeRuns(index, indexAt, length)
}
function sortByWords(index, indexAt, length) {
  sortCounts.fill(0)
  for (let i = 0; i < length; i++) {
    const word = sortWords[2 * i + sortUpper] | 0
    const isNumber = sortKeys[i] === sortKeys[i]
    const high = isNumber ? (word ^ ((word >> 31) | -2147483648)) >>> 0 : 4294967295
    sortHigh[i] = high
    sortCounts[high & 2047]++
    sortCounts[2048 + ((high >>> 11) & 2047)]++
    sortCounts[4096 + (high >>> 22)]++
  }
  let first = 0, second = 0, third = 0
  for (let i = 0; i < 2048; i++) {
    const x = sortCounts[i], y = sortCounts[2048 + i], z = sortCounts[4096 + i]
    sortCounts[i] = first
    sortCounts[2048 + i] = second
    sortCounts[4096 + i] = third
    first += x
    second += y
    third += z
  }
  for (let i = 0; i < length; i++) {
    const high = sortHigh[i], to = sortCounts[high & 2047]++
    sortHigh2[to] = high
    sortPlaces[to] = i
  }
  for (let i = 0; i < length; i++) {
    const high = sortHigh2[i], to = sortCounts[2048 + ((high >>> 11) & 2047)]++
    sortHigh[to] = high
    sortPlaces2[to] = sortPlaces[i]
  }
  for (let i = 0; i < length; i++) {
    const high = sortHigh[i], to = sortCounts[4096 + (high >>> 22)]++
    sortHigh2[to] = high
    index[indexAt + to] = sortPlaces2[i]
  }
  let moves = 4 * length
  for (let i = 1; i < length; i++) {
    if (sortHigh2[i] !== sortHigh2[i - 1] || sortHigh2[i] === 4294967295) continue
    const place = index[indexAt + i], key = sortKeys[place]
    let to = indexAt + i
    while (to > indexAt && sortKeys[index[to - 1]] > key) {
      index[to] = index[to - 1]
      to--
      moves--
    }
    index[to] = place
    if (moves < 0) return false
  }
  return true
}
function mergeRuns(index, indexAt, length) {
  let end = length, count = 0
  for (let i = 0; i < length; i++)
    if (sortKeys[i] === sortKeys[i]) {
      sortKeys[count] = sortKeys[i]
      sortPlaces[count++] = i
    } else sortPlaces2[--end] = i
  for (let i = end; i < length; i++) index[indexAt + i] = sortPlaces2[length - 1 - (i - end)]
  for (let from = 0; from < count; from += 12) {
    const to = Math.min(from + 12, count)
    for (let i = from + 1; i < to; i++) {
      const key = sortKeys[i], place = sortPlaces[i]
      let j = i - 1
      while (j >= from && sortKeys[j] > key) {
        sortKeys[j + 1] = sortKeys[j]
        sortPlaces[j + 1] = sortPlaces[j]
        j--
      }
      sortKeys[j + 1] = key
      sortPlaces[j + 1] = place
    }
  }
  let keys = sortKeys, keys2 = sortKeys2, places = sortPlaces, places2 = sortPlaces2
  for (let width = 12; width < count; width *= 2) {
    for (let from = 0; from < count; from += 2 * width) {
      const middle = Math.min(from + width, count), to = Math.min(from + 2 * width, count)
      let i = from, j = middle
      for (let at = from; at < to; at++) {
        const takesRight = i >= middle || (j < to && keys[j] < keys[i])
        const k = takesRight ? j++ : i++
        keys2[at] = keys[k]
        places2[at] = places[k]
      }
    }
    const otherKeys = keys, otherPlaces = places
    keys = keys2
    keys2 = otherKeys
    places = places2
    places2 = otherPlaces
  }
  for (let i = 0; i < count; i++) index[indexAt + i] = places[i]
}`
