//! Arithmetic (TOSCA 2.0, 10.2.5), on integers of 64 bits, floats and scalars. What does not fit is an error, never rounded or
//! wrapped.
//!
//! A scalar is calculated with in its canonical unit, and the result is in that. Where the numbers of a scalar are integers, so
//! is the result: an exact product or quotient is truncated, toward zero.

use floria::Value;

use tosca_values::Number;

use crate::{
    arguments::{exactly, wrong},
    describe,
    special::{as_scalar, plain_number, scalar_like},
};

const OVERFLOW: &str = "the result does not fit 64 bits";

fn number(argument: &Value, place: usize) -> Result<Number, String> {
    plain_number(argument).ok_or_else(|| wrong(argument, place, "an integer or a float"))
}

/// Goes from the first number to the last: among integers exactly, and as floats from the first float on. The standard wants
/// all of one type for sums and differences; an integer among floats is taken for the float that it looks like.
fn fold(
    mut numbers: impl Iterator<Item = Result<Number, String>>,
    integers: fn(i64, i64) -> Option<i64>,
    floats: fn(f64, f64) -> f64,
) -> Result<Number, String> {
    let mut result = numbers.next().ok_or("expected at least 1 argument, found 0")??;
    for next in numbers {
        result = match (result, next?) {
            (Number::Integer(first), Number::Integer(second)) => {
                Number::Integer(integers(first, second).ok_or(OVERFLOW)?)
            }
            (first, second) => Number::Float(floats(first.as_float(), second.as_float())),
        };
    }
    finite(result)
}

fn finite(number: Number) -> Result<Number, String> {
    if number.as_float().is_finite() { Ok(number) } else { Err("the result is no number".to_owned()) }
}

fn plain(number: Number) -> Value {
    match number {
        Number::Integer(integer) => integer.into(),
        Number::Float(float) => float.into(),
    }
}

/// Sums and differences: of numbers, or of scalars of one family.
fn add(
    arguments: &[Value],
    integers: fn(i64, i64) -> Option<i64>,
    floats: fn(f64, f64) -> f64,
) -> Result<Value, String> {
    let Some((model, _)) = arguments.first().and_then(as_scalar) else {
        let numbers = arguments.iter().enumerate().map(|(place, argument)| number(argument, place));
        return fold(numbers, integers, floats).map(plain);
    };
    let numbers = arguments.iter().enumerate().map(|(place, argument)| {
        let same = as_scalar(argument).filter(|(custom, _)| custom.type_name == model.type_name);
        let first = || describe::value(&arguments[0]);
        same.map(|(_, number)| number)
            .ok_or_else(|| wrong(argument, place, &format!("a scalar of the same family as {}", first())))
    });
    fold(numbers, integers, floats).map(|sum| scalar_like(model, sum))
}

/// The number of a scalar after arithmetic with a number: an integer where the scalar's is one, truncated.
fn of_scalar(scalar: Number, result: Number) -> Result<Number, String> {
    match (scalar, finite(result)?) {
        (Number::Integer(_), Number::Float(float)) => integer(float.trunc()).map(Number::Integer),
        (Number::Float(_), Number::Integer(integer)) => Ok(Number::Float(integer as f64)),
        (_, result) => Ok(result),
    }
}

/// `$sum`: one or more numbers, or scalars of one family.
pub(crate) fn sum(arguments: &[Value]) -> Result<Value, String> {
    add(arguments, i64::checked_add, |first, second| first + second)
}

/// `$difference`: two numbers, or scalars of one family.
pub(crate) fn difference(arguments: &[Value]) -> Result<Value, String> {
    let two: &[Value; 2] = exactly(arguments)?;
    add(two, i64::checked_sub, |first, second| first - second)
}

/// `$product`: one or more numbers, an integer when all are; or a scalar and a number.
pub(crate) fn product(arguments: &[Value]) -> Result<Value, String> {
    let product = |numbers: &mut dyn Iterator<Item = Result<Number, String>>| {
        fold(numbers, i64::checked_mul, |first, second| first * second)
    };
    let Some((model, scalar)) = arguments.first().and_then(as_scalar) else {
        let mut numbers = arguments.iter().enumerate().map(|(place, argument)| number(argument, place));
        return product(&mut numbers).map(plain);
    };
    let [_, factor] = exactly(arguments)?;
    let result = product(&mut [Ok(scalar), number(factor, 1)].into_iter())?;
    of_scalar(scalar, result).map(|result| scalar_like(model, result))
}

/// `$quotient`: of two numbers, always a float; of a scalar and a number, a scalar. Dividing by zero is an error.
pub(crate) fn quotient(arguments: &[Value]) -> Result<Value, String> {
    let [dividend, divisor] = exactly(arguments)?;
    let divisor = number(divisor, 1)?;
    if divisor.as_float() == 0.0 {
        return Err("division by zero".to_owned());
    }
    let Some((model, scalar)) = as_scalar(dividend) else {
        return finite(Number::Float(number(dividend, 0)?.as_float() / divisor.as_float())).map(plain);
    };
    let result = match (scalar, divisor) {
        (Number::Integer(scalar), Number::Integer(divisor)) => {
            Number::Integer(scalar.checked_div(divisor).ok_or(OVERFLOW)?)
        }
        (scalar, divisor) => Number::Float(scalar.as_float() / divisor.as_float()),
    };
    of_scalar(scalar, result).map(|result| scalar_like(model, result))
}

/// `$remainder`: of an integer or a scalar and an integer, with the sign of the first (the standard leaves it open), so that quotient, truncated, times
/// divisor plus remainder is the dividend.
pub(crate) fn remainder(arguments: &[Value]) -> Result<Value, String> {
    let [dividend, divisor] = exactly(arguments)?;
    let divisor = divisor.as_integer().ok_or_else(|| wrong(divisor, 1, "an integer"))?;
    if divisor == 0 {
        return Err("division by zero".to_owned());
    }
    // The quotient of the lowest integer by -1 does not fit; the remainder does, and it is 0.
    let of_integer = |dividend: i64| dividend.wrapping_rem(divisor);
    let Some((model, scalar)) = as_scalar(dividend) else {
        let dividend = dividend.as_integer().ok_or_else(|| wrong(dividend, 0, "an integer or a scalar"))?;
        return Ok(of_integer(dividend).into());
    };
    let result = match scalar {
        Number::Integer(dividend) => Number::Integer(of_integer(dividend)),
        Number::Float(dividend) => Number::Float(dividend % divisor as f64),
    };
    finite(result).map(|result| scalar_like(model, result))
}

/// `$round`: the nearest integer; from the middle between two, the lower one (3.5 becomes 3, and -3.5 becomes -4).
pub(crate) fn round(arguments: &[Value]) -> Result<Value, String> {
    whole(arguments, |float| {
        let below = float.floor();
        if float - below > 0.5 { below + 1.0 } else { below }
    })
}

/// `$floor`: the greatest integer that is not above.
pub(crate) fn floor(arguments: &[Value]) -> Result<Value, String> {
    whole(arguments, f64::floor)
}

/// `$ceil`: the least integer that is not below.
pub(crate) fn ceil(arguments: &[Value]) -> Result<Value, String> {
    whole(arguments, f64::ceil)
}

/// An integer is itself.
fn whole(arguments: &[Value], to: fn(f64) -> f64) -> Result<Value, String> {
    let [argument] = exactly(arguments)?;
    match number(argument, 0)? {
        Number::Integer(integer) => Ok(integer.into()),
        Number::Float(float) => integer(to(float)).map(Value::Integer),
    }
}

/// The integer that a whole float is.
fn integer(whole: f64) -> Result<i64, String> {
    // -2^63 is an integer of 64 bits, 2^63 is the first that is none.
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    if (-LIMIT..LIMIT).contains(&whole) { Ok(whole as i64) } else { Err(OVERFLOW.to_owned()) }
}
