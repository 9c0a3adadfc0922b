//! Arithmetic (TOSCA 2.0, 10.2.5), on integers of 64 bits and floats. What does not fit is an error, never rounded or wrapped.

use floria::Value;

use crate::arguments::{exactly, wrong};

/// An integer or a float.
#[derive(Clone, Copy)]
enum Number {
    Integer(i64),
    Float(f64),
}

const OVERFLOW: &str = "the result does not fit 64 bits";

fn number(argument: &Value, place: usize) -> Result<Number, String> {
    match argument {
        Value::Integer(integer) => Ok(Number::Integer(*integer)),
        Value::Float(float) => Ok(Number::Float(*float)),
        other => Err(wrong(other, place, "an integer or a float")),
    }
}

impl Number {
    fn float(self) -> f64 {
        match self {
            Self::Integer(integer) => integer as f64,
            Self::Float(float) => float,
        }
    }
}

/// Goes from the first number to the last: among integers exactly, and as floats from the first float on. The standard wants
/// all of one type for sums and differences; an integer among floats is taken for the float that it looks like.
fn fold(
    arguments: &[Value],
    integers: fn(i64, i64) -> Option<i64>,
    floats: fn(f64, f64) -> f64,
) -> Result<Value, String> {
    let mut numbers = arguments.iter().enumerate().map(|(place, argument)| number(argument, place));
    let mut result = numbers.next().ok_or("expected at least 1 argument, found 0")??;
    for next in numbers {
        result = match (result, next?) {
            (Number::Integer(first), Number::Integer(second)) => {
                Number::Integer(integers(first, second).ok_or(OVERFLOW)?)
            }
            (first, second) => Number::Float(floats(first.float(), second.float())),
        };
    }
    match result {
        Number::Integer(integer) => Ok(integer.into()),
        Number::Float(float) => finite(float),
    }
}

fn finite(float: f64) -> Result<Value, String> {
    if float.is_finite() { Ok(float.into()) } else { Err("the result is no number".to_owned()) }
}

/// `$sum`: one or more numbers.
pub(crate) fn sum(arguments: &[Value]) -> Result<Value, String> {
    fold(arguments, i64::checked_add, |first, second| first + second)
}

/// `$difference`: two numbers.
pub(crate) fn difference(arguments: &[Value]) -> Result<Value, String> {
    let two: &[Value; 2] = exactly(arguments)?;
    fold(two, i64::checked_sub, |first, second| first - second)
}

/// `$product`: one or more numbers; an integer when all are.
pub(crate) fn product(arguments: &[Value]) -> Result<Value, String> {
    fold(arguments, i64::checked_mul, |first, second| first * second)
}

/// `$quotient`: always a float; dividing by zero is an error.
pub(crate) fn quotient(arguments: &[Value]) -> Result<Value, String> {
    let [dividend, divisor] = exactly(arguments)?;
    let (dividend, divisor) = (number(dividend, 0)?.float(), number(divisor, 1)?.float());
    if divisor == 0.0 {
        return Err("division by zero".to_owned());
    }
    finite(dividend / divisor)
}

/// `$remainder`: of two integers, with the sign of the first (the standard leaves it open), so that quotient, truncated, times
/// divisor plus remainder is the dividend.
pub(crate) fn remainder(arguments: &[Value]) -> Result<Value, String> {
    let [dividend, divisor] = exactly(arguments)?;
    let integer =
        |argument: &Value, place| argument.as_integer().ok_or_else(|| wrong(argument, place, "an integer"));
    let (dividend, divisor) = (integer(dividend, 0)?, integer(divisor, 1)?);
    match divisor {
        0 => Err("division by zero".to_owned()),
        // The quotient of the lowest integer by -1 does not fit; the remainder does.
        -1 => Ok(0.into()),
        divisor => Ok((dividend % divisor).into()),
    }
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
    // -2^63 is an integer of 64 bits, 2^63 is the first that is none.
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    let [argument] = exactly(arguments)?;
    match number(argument, 0)? {
        Number::Integer(integer) => Ok(integer.into()),
        Number::Float(float) => {
            let whole = to(float);
            if (-LIMIT..LIMIT).contains(&whole) {
                Ok((whole as i64).into())
            } else {
                Err(OVERFLOW.to_owned())
            }
        }
    }
}
