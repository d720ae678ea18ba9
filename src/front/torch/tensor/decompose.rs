//! Linear algebra on small matrices, as definitions use it for orthogonal first values: factors of a matrix, and systems of
//! equations.
//!
//! The meaning is that of `torch`'s functions of LAPACK (<https://github.com/torch/torch7/blob/master/doc/maths.md>); factors are
//! determined up to signs, and those of LAPACK may be others. Everything is computed in double precision.

use super::Operation;
use super::arguments::{optional, tensor};
use super::kind::Kind;
use super::view::Tensor;
use crate::front::torch::interp::{Args, Lua, LuaResult, Results, Value};

pub(super) const OPERATIONS: &[Operation] = &[
    ("gels", |lua, args, _| calculate(lua, args, 2, least_squares)),
    ("gesv", |lua, args, _| {
        calculate(lua, args, 2, |lua, given, _| {
            let (x, factors) = solved(lua, &given[0], &given[1])?;
            Ok(vec![x.into(), factors.into()])
        })
    }),
    ("inverse", |lua, args, _| {
        calculate(lua, args, 1, |lua, given, _| {
            let unit = Matrix::unit(given[0].rows);
            Ok(vec![solved(lua, &unit, &given[0])?.0.into()])
        })
    }),
    ("potrf", |lua, args, _| {
        calculate(lua, args, 1, |lua, given, options| {
            let factor = cholesky(lua, &given[0], lower(options))?;
            Ok(vec![if lower(options) { factor } else { factor.transposed() }.into()])
        })
    }),
    ("potri", |lua, args, _| {
        calculate(lua, args, 1, |lua, given, options| {
            let unit = Matrix::unit(given[0].rows);
            Ok(vec![solved_by_factor(lua, &unit, &given[0], lower(options))?.into()])
        })
    }),
    ("potrs", |lua, args, _| {
        calculate(lua, args, 2, |lua, given, options| {
            Ok(vec![solved_by_factor(lua, &given[0], &given[1], lower(options))?.into()])
        })
    }),
    ("qr", |lua, args, _| {
        calculate(lua, args, 1, |lua, given, _| {
            let (q, r) = orthogonal(lua, &given[0])?;
            Ok(vec![q.into(), r.into()])
        })
    }),
    ("svd", |lua, args, _| calculate(lua, args, 1, singular_values)),
    ("symeig", |lua, args, _| calculate(lua, args, 1, symmetric)),
];

/// A matrix by its columns.
#[derive(Clone)]
struct Matrix {
    rows: usize,
    columns: Vec<Vec<f64>>,
}

/// A result: a matrix or a vector.
struct Made {
    sizes: Vec<usize>,
    values: Vec<f64>,
}

impl From<Matrix> for Made {
    fn from(matrix: Matrix) -> Self {
        let row = |i: usize| matrix.columns.iter().map(move |column| column[i]);
        let values = (0..matrix.rows).flat_map(row).collect();
        Made { sizes: vec![matrix.rows, matrix.columns.len()], values }
    }
}

impl From<Vec<f64>> for Made {
    fn from(values: Vec<f64>) -> Self {
        Made { sizes: vec![values.len()], values }
    }
}

impl Matrix {
    fn unit(size: usize) -> Self {
        let column = |i: usize| (0..size).map(|j| f64::from(u8::from(i == j))).collect();
        Matrix { rows: size, columns: (0..size).map(column).collect() }
    }

    fn transposed(&self) -> Self {
        let column = |i: usize| self.columns.iter().map(|column| column[i]).collect();
        Matrix { rows: self.columns.len(), columns: (0..self.rows).map(column).collect() }
    }

    /// Complains unless there are as many rows as columns.
    fn square(&self, lua: &Lua) -> LuaResult<usize> {
        match self.rows == self.columns.len() {
            true => Ok(self.rows),
            false => Err(lua.error("A should be square")),
        }
    }
}

/// What a function of this module makes of matrices and of the letters behind them.
type Calculation = fn(&mut Lua, &[Matrix], &[String]) -> LuaResult<Vec<Made>>;

/// `f([results...,] matrices..., letters...)`.
fn calculate(lua: &mut Lua, args: &Args, count: usize, f: Calculation) -> Results {
    let tensors = (0..).take_while(|&at| optional(args, at).is_some()).count();
    let from = tensors.saturating_sub(count);
    let mut matrices = vec![];
    for at in from..from + count {
        matrices.push(matrix(lua, tensor(lua, args, at)?)?);
    }
    let letters = args.rest(from + count).iter().filter_map(Value::to_text);
    let letters: Vec<String> = letters.map(|text| text.to_str().into_owned()).collect();
    let kind = tensor(lua, args, from)?.kind();
    let made = f(lua, &matrices, &letters)?;
    if 0 < from && from != made.len() {
        return Err(lua.error(&format!("{} tensors for the results expected", made.len())));
    }
    let mut results = vec![];
    for (at, Made { sizes, values }) in made.into_iter().enumerate() {
        let result = Tensor::from_values(lua, kind, &sizes, &values)?;
        if from == 0 {
            results.push(result.into_value());
            continue;
        }
        tensor(lua, args, at)?.set(result.storage(), result.layout());
        results.push(args.get(at));
    }
    Ok(results)
}

fn matrix(lua: &mut Lua, tensor: &Tensor) -> LuaResult<Matrix> {
    let &[rows, columns] = &tensor.sizes()[..] else {
        return Err(lua.error("A should be 2 dimensional"));
    };
    if !matches!(tensor.kind().element(), Kind::Float | Kind::Double) {
        return Err(lua.error("a matrix of real numbers expected"));
    }
    lua.reserve_here(rows.saturating_mul(columns).saturating_mul(64))?;
    let values = tensor.values(lua)?;
    let column = |j: usize| values.iter().skip(j).step_by(columns.max(1)).copied().collect();
    Ok(Matrix { rows, columns: (0..columns).map(column).collect() })
}

/// Pays for so many vectors of a length that are multiplied or added.
fn pay(lua: &mut Lua, vectors: usize, length: usize) -> LuaResult<()> {
    lua.work(vectors.saturating_mul(length / 16 + 1))
}

/// Whether the letters ask for the lower triangle.
fn lower(letters: &[String]) -> bool {
    letters.first().is_some_and(|letter| letter == "L")
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// `to += by * from`.
fn add(to: &mut [f64], by: f64, from: &[f64]) {
    to.iter_mut().zip(from).for_each(|(to, from)| *to += by * from);
}

/// Solves `a x = b` by elimination with pivots: the solution, and the factors of `a` in one matrix.
fn solved(lua: &mut Lua, b: &Matrix, a: &Matrix) -> LuaResult<(Matrix, Matrix)> {
    let n = a.square(lua)?;
    if b.rows != n {
        return Err(lua.error("A and b have different numbers of rows"));
    }
    // Rows are exchanged and added, so both are kept by rows.
    let (mut left, mut right) = (a.transposed().columns, b.transposed().columns);
    pay(lua, n * n, n + b.columns.len())?;
    for at in 0..n {
        let larger = |&i: &usize, &j: &usize| left[i][at].abs().total_cmp(&left[j][at].abs());
        let pivot = (at..n).rev().max_by(larger).unwrap_or(at);
        left.swap(at, pivot);
        right.swap(at, pivot);
        if left[at][at] == 0.0 {
            return Err(lua.error("the matrix is singular: it has no inverse"));
        }
        for row in at + 1..n {
            let factor = left[row][at] / left[at][at];
            let [top, below] = [&mut left, &mut right].map(|side| side.split_at_mut(row));
            let (pivots, rest) = top;
            add(&mut rest[0][at + 1..], -factor, &pivots[at][at + 1..]);
            rest[0][at] = factor;
            add(&mut below.1[0], -factor, &below.0[at]);
        }
    }
    for at in (0..n).rev() {
        let (above, from) = right.split_at_mut(at);
        from[0].iter_mut().for_each(|value| *value /= left[at][at]);
        for (row, values) in above.iter_mut().enumerate() {
            add(values, -left[row][at], &from[0]);
        }
    }
    let by_rows = |rows: Vec<Vec<f64>>, width| Matrix { rows: width, columns: rows }.transposed();
    Ok((by_rows(right, b.columns.len()), by_rows(left, n)))
}

/// The lower triangle whose product with its transpose is a symmetric matrix, of which one triangle is read.
fn cholesky(lua: &mut Lua, a: &Matrix, lower: bool) -> LuaResult<Matrix> {
    let n = a.square(lua)?;
    pay(lua, n * n, n)?;
    let read = |i: usize, j: usize| if lower { a.columns[j][i] } else { a.columns[i][j] };
    // By rows first, so that the sums are those of neighbours.
    let mut rows = vec![vec![0.0; n]; n];
    for i in 0..n {
        for j in 0..=i {
            let rest = read(i, j) - dot(&rows[i][..j], &rows[j][..j]);
            rows[i][j] = if i == j { rest.sqrt() } else { rest / rows[j][j] };
        }
        if rows[i][i].is_nan() || rows[i][i] <= 0.0 {
            return Err(lua.error("the matrix is not positive definite"));
        }
    }
    Ok(Matrix { rows: n, columns: rows }.transposed())
}

/// Solves `a x = b` where `a` is given by its factor of [`cholesky`].
fn solved_by_factor(lua: &mut Lua, b: &Matrix, factor: &Matrix, lower: bool) -> LuaResult<Matrix> {
    let n = factor.square(lua)?;
    if b.rows != n {
        return Err(lua.error("A and b have different numbers of rows"));
    }
    pay(lua, 2 * n * b.columns.len(), n)?;
    let factor = if lower { factor.clone() } else { factor.transposed() };
    let mut x = b.clone();
    for column in &mut x.columns {
        for at in 0..n {
            column[at] /= factor.columns[at][at];
            let value = column[at];
            add(&mut column[at + 1..], -value, &factor.columns[at][at + 1..]);
        }
        for at in (0..n).rev() {
            let known = dot(&column[at + 1..], &factor.columns[at][at + 1..]);
            column[at] = (column[at] - known) / factor.columns[at][at];
        }
    }
    Ok(x)
}

/// Reflects what begins at a row: `x -= v (v . x) * by`.
fn reflect(x: &mut [f64], v: &[f64], by: f64) {
    let along = dot(x, v) * by;
    add(x, -along, v);
}

/// `a = q r`: q has orthogonal columns, r is an upper triangle (Householder's reflections).
fn orthogonal(lua: &mut Lua, a: &Matrix) -> LuaResult<(Matrix, Matrix)> {
    let (m, n) = (a.rows, a.columns.len());
    let count = m.min(n);
    pay(lua, 2 * count.saturating_mul(n + count), m)?;
    let mut r = a.clone();
    let mut reflections: Vec<(Vec<f64>, f64)> = vec![];
    for at in 0..count {
        let column = &r.columns[at][at..];
        let (first, rest) = (column[0], dot(&column[1..], &column[1..]));
        let mut v = column.to_vec();
        // As in LAPACK, nothing is reflected that is an axis already.
        if rest != 0.0 {
            v[0] += (first * first + rest).sqrt().copysign(first);
        }
        let by = if rest == 0.0 { 0.0 } else { 2.0 / dot(&v, &v) };
        for column in &mut r.columns[at..] {
            reflect(&mut column[at..], &v, by);
        }
        reflections.push((v, by));
    }
    let mut q = Matrix::unit(m);
    q.columns.truncate(count);
    for (at, (v, by)) in reflections.iter().enumerate().rev() {
        for column in &mut q.columns {
            reflect(&mut column[at..], v, *by);
        }
    }
    for (at, column) in r.columns.iter_mut().enumerate() {
        column.truncate(count);
        column.iter_mut().skip(at + 1).for_each(|below| *below = 0.0);
    }
    Ok((q, Matrix { rows: count, columns: r.columns }))
}

/// `x` with the least `|a x - b|`, or the shortest such `x`; and the factors of `a`.
fn least_squares(lua: &mut Lua, given: &[Matrix], _: &[String]) -> LuaResult<Vec<Made>> {
    let (b, a) = (&given[0], &given[1]);
    if a.rows != b.rows {
        return Err(lua.error("A and b have different numbers of rows"));
    }
    let is_tall = a.columns.len() <= a.rows;
    let (q, r) = orthogonal(lua, &if is_tall { a.clone() } else { a.transposed() })?;
    if r.columns.iter().enumerate().any(|(at, column)| column[at] == 0.0) {
        return Err(lua.error("the matrix has not full rank"));
    }
    let n = r.rows;
    pay(lua, 4 * b.columns.len(), n * n)?;
    let mut x = Matrix { rows: a.columns.len(), columns: vec![] };
    for column in &b.columns {
        x.columns.push(if is_tall {
            let mut y: Vec<f64> = q.columns.iter().map(|q| dot(q, column)).collect();
            for at in (0..n).rev() {
                y[at] /= r.columns[at][at];
                let value = y[at];
                add(&mut y[..at], -value, &r.columns[at][..at]);
            }
            y
        } else {
            let mut y = vec![0.0; n];
            for at in 0..n {
                y[at] = (column[at] - dot(&r.columns[at][..at], &y[..at])) / r.columns[at][at];
            }
            let mut long = vec![0.0; q.rows];
            q.columns.iter().zip(&y).for_each(|(q, y)| add(&mut long, *y, q));
            long
        });
    }
    Ok(vec![x.into(), r.into()])
}

/// Sweeps over all pairs until they are orthogonal; far fewer are needed.
const SWEEPS: usize = 60;

/// The sine and cosine that turn two columns so that `between` vanishes, Jacobi's rotation.
fn rotation(first: f64, second: f64, between: f64) -> (f64, f64) {
    let zeta = (second - first) / (2.0 * between);
    let tangent = 1f64.copysign(zeta) / (zeta.abs() + (1.0 + zeta * zeta).sqrt());
    let cosine = 1.0 / (1.0 + tangent * tangent).sqrt();
    (cosine * tangent, cosine)
}

fn rotate(columns: &mut [Vec<f64>], p: usize, q: usize, (sine, cosine): (f64, f64)) {
    let (left, right) = columns.split_at_mut(q);
    for (a, b) in left[p].iter_mut().zip(&mut right[0]) {
        (*a, *b) = (cosine * *a - sine * *b, sine * *a + cosine * *b);
    }
}

/// `a = u diag(s) v'`, the columns of a turned in pairs until they are orthogonal (one-sided Jacobi). With the letter `A`
/// all of `u` and `v`.
fn singular_values(lua: &mut Lua, given: &[Matrix], letters: &[String]) -> LuaResult<Vec<Made>> {
    let a = &given[0];
    let is_tall = a.columns.len() <= a.rows;
    let tall = if is_tall { a.clone() } else { a.transposed() };
    // The triangle has the same singular values and fewer rows.
    let (q, r) = orthogonal(lua, &tall)?;
    let n = r.rows;
    let (mut turned, mut v) = (r, Matrix::unit(n));
    for _ in 0..SWEEPS {
        pay(lua, n.saturating_mul(n), 4 * n)?;
        let mut done = true;
        for p in 0..n {
            for q in p + 1..n {
                let [x, y] = [p, q].map(|at| &turned.columns[at]);
                let (first, second, between) = (dot(x, x), dot(y, y), dot(x, y));
                if between.abs() <= 1e-15 * (first * second).sqrt() || between == 0.0 {
                    continue;
                }
                done = false;
                let by = rotation(first, second, between);
                rotate(&mut turned.columns, p, q, by);
                rotate(&mut v.columns, p, q, by);
            }
        }
        if done {
            break;
        }
    }
    let lengths: Vec<f64> =
        turned.columns.iter().map(|column| dot(column, column).sqrt()).collect();
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&i, &j| lengths[j].total_cmp(&lengths[i]));
    let s: Vec<f64> = order.iter().map(|&at| lengths[at]).collect();
    let mut inner = Matrix { rows: n, columns: vec![] };
    for &at in order.iter().take_while(|&&at| 0.0 < lengths[at]) {
        inner.columns.push(turned.columns[at].iter().map(|x| x / lengths[at]).collect());
    }
    complete(lua, &mut inner, n)?;
    pay(lua, n.saturating_mul(n), q.rows)?;
    let back = |column: &Vec<f64>| {
        let mut long = vec![0.0; q.rows];
        q.columns.iter().zip(column).for_each(|(q, x)| add(&mut long, *x, q));
        long
    };
    let mut u = Matrix { rows: q.rows, columns: inner.columns.iter().map(back).collect() };
    let mut v =
        Matrix { rows: n, columns: order.iter().map(|&at| v.columns[at].clone()).collect() };
    if letters.first().is_some_and(|letter| letter == "A") {
        let (rows, width) = (u.rows, v.rows);
        complete(lua, &mut u, rows)?;
        complete(lua, &mut v, width)?;
    }
    let (u, v) = if is_tall { (u, v) } else { (v, u) };
    Ok(vec![u.into(), s.into(), v.into()])
}

/// Adds orthogonal columns until there are so many.
fn complete(lua: &mut Lua, matrix: &mut Matrix, count: usize) -> LuaResult<()> {
    let mut axis = 0;
    while matrix.columns.len() < count && axis < matrix.rows {
        pay(lua, 4 * matrix.columns.len() + 1, matrix.rows)?;
        let mut column = vec![0.0; matrix.rows];
        column[axis] = 1.0;
        axis += 1;
        // Twice, since the first time leaves what rounding adds.
        for known in matrix.columns.iter().chain(&matrix.columns) {
            let along = dot(known, &column);
            add(&mut column, -along, known);
        }
        let length = dot(&column, &column).sqrt();
        // An axis that lies nearly in what there is would be little but rounding.
        if 0.5 / (matrix.rows as f64).sqrt() < length {
            matrix.columns.push(column.iter().map(|x| x / length).collect());
        }
    }
    Ok(())
}

/// The eigenvalues of a symmetric matrix, the smallest first, and with the letter `V` the eigenvectors (Jacobi).
fn symmetric(lua: &mut Lua, given: &[Matrix], letters: &[String]) -> LuaResult<Vec<Made>> {
    let n = given[0].square(lua)?;
    let lower = letters.get(1).is_some_and(|letter| letter == "L");
    let read = |i: usize, j: usize| given[0].columns[i.min(j)][i.max(j)];
    let upper = |i: usize, j: usize| given[0].columns[i.max(j)][i.min(j)];
    let entry = |i, j| if lower { read(i, j) } else { upper(i, j) };
    let column = |j: usize| (0..n).map(|i| entry(i, j)).collect::<Vec<f64>>();
    let mut a: Vec<Vec<f64>> = (0..n).map(column).collect();
    let mut v = Matrix::unit(n);
    for _ in 0..SWEEPS {
        pay(lua, n.saturating_mul(n), 4 * n)?;
        let mut done = true;
        for p in 0..n {
            for q in p + 1..n {
                let (first, second, between) = (a[p][p], a[q][q], a[q][p]);
                if between.abs() <= 1e-16 * (first.abs() + second.abs()) || between == 0.0 {
                    continue;
                }
                done = false;
                let (sine, cosine) = rotation(first, second, between);
                rotate(&mut a, p, q, (sine, cosine));
                for column in &mut a {
                    let (x, y) = (column[p], column[q]);
                    (column[p], column[q]) = (cosine * x - sine * y, sine * x + cosine * y);
                }
                rotate(&mut v.columns, p, q, (sine, cosine));
            }
        }
        if done {
            break;
        }
    }
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&i, &j| a[i][i].total_cmp(&a[j][j]));
    let values: Vec<f64> = order.iter().map(|&at| a[at][at]).collect();
    let vectors = order.iter().map(|&at| v.columns[at].clone()).collect();
    let vectors = Matrix { rows: n, columns: vectors };
    // Without the letter Torch gives a matrix of zeros.
    let wanted = letters.first().is_some_and(|letter| letter == "V");
    let zeros = Matrix { rows: n, columns: vec![vec![0.0; n]; n] };
    Ok(vec![values.into(), if wanted { vectors } else { zeros }.into()])
}
