// The functions by which WebAssembly kernels sort a row: a heap of places, in the memory of the index alone.
//
// Equal keys are told apart by their places, so the order is that of a stable sort. Addresses are in bytes.

const key = (place: string): string =>
  `(f64.load (i32.add (local.get $keys) (i32.mul (local.get ${place}) (local.get $stride))))`

const element = (at: string): string => `(i32.add (local.get $index) (i32.shl ${at} (i32.const 2)))`

const entry = (at: string): string => `(i32.load ${element(at)})`

const less = (x: string, y: string): string =>
  `(call $sort_less (local.get $keys) (local.get $stride) ${entry(x)} ${entry(y)})`

const root = "(local.get $root)"
const child = "(local.get $child)"
const next = "(i32.add (local.get $child) (i32.const 1))"
const end = "(local.get $end)"
const zero = "(i32.const 0)"

const exchange = (x: string, y: string): string => `(local.set $kept ${entry(x)})
      (i32.store ${element(x)} ${entry(y)})
      (i32.store ${element(y)} (local.get $kept))`

const row = "(param $keys i32) (param $stride i32) (param $index i32)"
const pass = "(local.get $keys) (local.get $stride) (local.get $index)"

/** `$sort` and what it calls. */
export const watSort = `  (func $sort_less (param $keys i32) (param $stride i32) (param $x i32) (param $y i32) (result i32)
    (local $a f64) (local $b f64) (local $first i32)
    (local.set $a ${key("$x")})
    (local.set $b ${key("$y")})
    (local.set $first (i32.lt_s (local.get $x) (local.get $y)))
    (if (f64.lt (local.get $a) (local.get $b)) (then (return (i32.const 1))))
    (if (f64.gt (local.get $a) (local.get $b)) (then (return (i32.const 0))))
    (if (f64.eq (local.get $a) (local.get $b)) (then (return (local.get $first))))
    (if (f64.eq (local.get $a) (local.get $a)) (then (return (i32.const 1))))
    (if (f64.eq (local.get $b) (local.get $b)) (then (return (i32.const 0))))
    (local.get $first)
  )
  (func $sort_sift ${row} (param $root i32) (param $end i32)
    (local $child i32) (local $kept i32)
    (loop $down
      (local.set $child (i32.add (i32.shl ${root} (i32.const 1)) (i32.const 1)))
      (if (i32.ge_s ${child} ${end}) (then (return)))
      (if (i32.lt_s ${next} ${end}) (then
        (if ${less(child, next)} (then (local.set $child ${next})))))
      (if (i32.eqz ${less(root, child)}) (then (return)))
      ${exchange(root, child)}
      (local.set $root ${child})
      (br $down))
  )
  (func $sort ${row} (param $length i32)
    (local $root i32) (local $end i32) (local $kept i32)
    (if (i32.lt_s ${root} (local.get $length)) (then (loop $fill
      (i32.store ${element(root)} ${root})
      (local.set $root (i32.add ${root} (i32.const 1)))
      (br_if $fill (i32.lt_s ${root} (local.get $length))))))
    (local.set $root (i32.shr_s (local.get $length) (i32.const 1)))
    (if (i32.gt_s ${root} ${zero}) (then (loop $build
      (local.set $root (i32.sub ${root} (i32.const 1)))
      (call $sort_sift ${pass} ${root} (local.get $length))
      (br_if $build (i32.gt_s ${root} ${zero})))))
    (local.set $end (i32.sub (local.get $length) (i32.const 1)))
    (if (i32.gt_s ${end} ${zero}) (then (loop $take
      ${exchange(zero, end)}
      (call $sort_sift ${pass} ${zero} ${end})
      (local.set $end (i32.sub ${end} (i32.const 1)))
      (br_if $take (i32.gt_s ${end} ${zero})))))
  )`
