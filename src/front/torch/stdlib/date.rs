//! `os.date` and `os.time`: calendars without a clock. Dates are those of universal time.

use crate::front::torch::interp::{Args, Lua, Results, Value};

/// Days since 1970 of a day, in the calendar that C counts with (Hinnant, "chrono-Compatible Low-Level Date Algorithms").
fn days_of(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = (year + (month - 1).div_euclid(12), (month - 1).rem_euclid(12) + 1);
    // Years begin in March, so that the day that some have more is the last.
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// The year, the month and the day of so many days since 1970.
fn day_of(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year + era * 400 + i64::from(month <= 2), month, day)
}

/// Years that dates may lie in.
const YEARS: std::ops::Range<f64> = -100_000.0..100_000.0;

/// `os.time(table)`: seconds since 1970 of a date. There is no clock, so that without a date it is always 1970.
pub(super) fn time(lua: &mut Lua, args: &Args) -> Results {
    if args.is_none(0) {
        return Ok(vec![Value::Number(0.0)]);
    }
    let table = args.table(lua, 0)?;
    let field = |lua: &Lua, name: &str, default: Option<f64>| {
        let number = table.field(name).to_number().or(default);
        number
            .filter(|number| number.abs() < 1e12)
            .ok_or_else(|| lua.error(&format!("field '{name}' missing in date table")))
    };
    let second = field(lua, "sec", Some(0.0))?;
    let minute = field(lua, "min", Some(0.0))?;
    let hour = field(lua, "hour", Some(12.0))?;
    let day = field(lua, "day", None)?;
    let month = field(lua, "month", None)?;
    let year = field(lua, "year", None)?;
    if !YEARS.contains(&year) {
        return Ok(vec![Value::Nil]);
    }
    let days = days_of(year as i64, month as i64, 1) as f64 + day.trunc() - 1.0;
    let seconds = days * 86400.0 + hour.trunc() * 3600.0 + minute.trunc() * 60.0 + second.trunc();
    Ok(vec![seconds.into()])
}

const DAYS: [&str; 7] =
    ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// `os.date(format, time)` in universal time; without a time, of 1970.
pub(super) fn date(lua: &mut Lua, args: &Args) -> Results {
    let format = if args.is_none(0) { "%c".into() } else { args.string(lua, 0)? };
    let time = if args.is_none(1) { 0.0 } else { args.number(lua, 1)?.floor() };
    let format = format.strip_prefix(b"!").unwrap_or(&format);
    if !(1e12..).contains(&time.abs()) && !time.is_nan() {
        let (days, seconds) = ((time as i64).div_euclid(86400), (time as i64).rem_euclid(86400));
        let (year, month, day) = day_of(days);
        let weekday = (days + 4).rem_euclid(7);
        let of_year = days - days_of(year, 1, 1) + 1;
        let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        if format.starts_with(b"*t") {
            let table = lua.table();
            let fields = [
                ("year", year),
                ("month", month),
                ("day", day),
                ("hour", hour),
                ("min", minute),
                ("sec", second),
                ("wday", weekday + 1),
                ("yday", of_year),
            ];
            fields.iter().for_each(|&(name, value)| table.set_field(name, value as f64));
            table.set_field("isdst", false);
            return Ok(vec![table.into()]);
        }
        let (week_day, month_name) = (DAYS[weekday as usize], MONTHS[month as usize - 1]);
        let clock = format!("{hour:02}:{minute:02}:{second:02}");
        let short = format!("{month:02}/{day:02}/{:02}", year.rem_euclid(100));
        let mut out = vec![];
        let mut bytes = format.iter();
        while let Some(&byte) = bytes.next() {
            if byte != b'%' {
                out.push(byte);
                continue;
            }
            let twelve = (hour + 11) % 12 + 1;
            let half = if hour < 12 { "AM" } else { "PM" };
            let text = match bytes.next() {
                Some(b'a') => week_day[..3].to_owned(),
                Some(b'A') => week_day.to_owned(),
                Some(b'b' | b'h') => month_name[..3].to_owned(),
                Some(b'B') => month_name.to_owned(),
                Some(b'c') => {
                    format!("{} {} {day:2} {clock} {year}", &week_day[..3], &month_name[..3])
                }
                Some(b'd') => format!("{day:02}"),
                Some(b'D' | b'x') => short.clone(),
                Some(b'F') => format!("{year}-{month:02}-{day:02}"),
                Some(b'H') => format!("{hour:02}"),
                Some(b'I') => format!("{twelve:02}"),
                Some(b'j') => format!("{of_year:03}"),
                Some(b'm') => format!("{month:02}"),
                Some(b'M') => format!("{minute:02}"),
                Some(b'p') => half.to_owned(),
                Some(b'S') => format!("{second:02}"),
                Some(b'T' | b'X') => clock.clone(),
                Some(b'U') => format!("{:02}", (of_year + 6 - weekday) / 7),
                Some(b'w') => weekday.to_string(),
                Some(b'W') => format!("{:02}", (of_year + 6 - (weekday + 6) % 7) / 7),
                Some(b'y') => format!("{:02}", year.rem_euclid(100)),
                Some(b'Y') => year.to_string(),
                Some(b'Z') => "UTC".to_owned(),
                Some(b'%') => "%".to_owned(),
                Some(&other) => format!("%{}", char::from(other)),
                None => "%".to_owned(),
            };
            out.extend(text.into_bytes());
        }
        lua.work(format.len())?;
        lua.reserve_here(2 * out.len())?;
        return Ok(vec![lua.string(out).into()]);
    }
    Err(lua.error("date result cannot be represented in this installation"))
}
