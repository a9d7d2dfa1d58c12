// The functions by which WebAssembly kernels sort a row: runs of places are merged, from the index into a second array and back.
//
// Addresses are in bytes.

const get = (name: string): string => `(local.get $${name})`
const set = (name: string, value: string): string => `(local.set $${name} ${value})`
const int = (value: number): string => `(i32.const ${value})`
const plus = (x: string, y: string): string => `(i32.add ${x} ${y})`
const key = (place: string): string =>
  `(f64.load ${plus(get("keys"), `(i32.mul ${place} ${get("stride")})`)})`
const below = (x: string, y: string): string => `(i32.lt_u ${x} ${y})`
const least = (x: string, y: string): string => `(select ${x} ${y} ${below(x, y)})`

/** The place at an address, which moves on to the next one. */
const taken = (from: string): string => `(i32.store ${get("at")} (i32.load ${get(from)}))
          ${set(from, plus(get(from), int(4)))}`

/** `$sort` and what it calls. */
export const watSort = `  (func $sort_less (param $keys i32) (param $stride i32) (param $x i32) (param $y i32) (result i32)
    (local $a f64) (local $b f64)
    ${set("a", key(get("x")))}
    ${set("b", key(get("y")))}
    (i32.or
      (f64.lt ${get("a")} ${get("b")})
      (i32.and (f64.ne ${get("b")} ${get("b")}) (f64.eq ${get("a")} ${get("a")})))
  )
  (func $sort_merge (param $keys i32) (param $stride i32) (param $from i32) (param $middle i32) (param $end i32) (param $at i32)
    (local $left i32) (local $right i32) (local $stop i32)
    ${set("left", get("from"))}
    ${set("right", get("middle"))}
    ${set("stop", plus(get("at"), `(i32.sub ${get("end")} ${get("from")})`))}
    (if ${below(get("at"), get("stop"))} (then (loop $next
      ;; The left run wins unless it is used up or the right one has the smaller key.
      (if (i32.ge_u ${get("left")} ${get("middle")}) (then ${taken("right")})
        (else (if (i32.ge_u ${get("right")} ${get("end")}) (then ${taken("left")})
        (else (if (call $sort_less ${get("keys")} ${get("stride")} (i32.load ${get("right")}) (i32.load ${get("left")}))
          (then ${taken("right")})
          (else ${taken("left")}))))))
      ${set("at", plus(get("at"), int(4)))}
      (br_if $next ${below(get("at"), get("stop"))}))))
  )
  (func $sort (param $keys i32) (param $stride i32) (param $index i32) (param $room i32) (param $length i32)
    (local $i i32) (local $width i32) (local $end i32) (local $from i32) (local $to i32) (local $kept i32)
    (if (i32.eqz ${get("length")}) (then (return)))
    (loop $fill
      (i32.store ${plus(get("index"), `(i32.shl ${get("i")} ${int(2)})`)} ${get("i")})
      ${set("i", plus(get("i"), int(1)))}
      (br_if $fill ${below(get("i"), get("length"))}))
    ${set("length", `(i32.shl ${get("length")} ${int(2)})`)}
    ${set("from", get("index"))}
    ${set("to", get("room"))}
    ${set("width", int(4))}
    (if ${below(get("width"), get("length"))} (then (loop $double
      ${set("i", int(0))}
      (loop $pair
        ${set("end", least(plus(get("i"), `(i32.shl ${get("width")} ${int(1)})`), get("length")))}
        (call $sort_merge ${get("keys")} ${get("stride")}
          ${plus(get("from"), get("i"))}
          ${plus(get("from"), least(plus(get("i"), get("width")), get("length")))}
          ${plus(get("from"), get("end"))}
          ${plus(get("to"), get("i"))})
        ${set("i", get("end"))}
        (br_if $pair ${below(get("i"), get("length"))}))
      ${set("kept", get("from"))}
      ${set("from", get("to"))}
      ${set("to", get("kept"))}
      ${set("width", `(i32.shl ${get("width")} ${int(1)})`)}
      (br_if $double ${below(get("width"), get("length"))}))))
    (if (i32.ne ${get("from")} ${get("index")}) (then
      (memory.copy ${get("index")} ${get("from")} ${get("length")})))
  )`
