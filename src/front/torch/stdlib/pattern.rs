//! Lua patterns (reference manual 5.4.1): a backtracking matcher that pays for its steps.

use crate::front::torch::interp::{Lua, LuaResult};

/// What a pair of parentheses caught: bytes `from..to`, or a position for `()`.
#[derive(Clone, Copy)]
pub(super) enum Capture {
    /// Not closed yet.
    Open(usize),
    Text(usize, usize),
    Position(usize),
}

const MOST_CAPTURES: usize = 32;
/// Nesting of the matcher, the limit of LuaJIT.
const LEVELS: usize = 200;

/// A text, a pattern, and the captures of the last match.
pub(super) struct Matcher<'t> {
    text: &'t [u8],
    pattern: &'t [u8],
    captures: Vec<Capture>,
    level: usize,
    steps: usize,
    /// Whether the pattern begins with `^`.
    pub is_anchored: bool,
}

type Outcome = LuaResult<Option<usize>>;

impl<'t> Matcher<'t> {
    /// A pattern ends at its first zero byte.
    pub fn new(text: &'t [u8], pattern: &'t [u8]) -> Self {
        let end = pattern.iter().position(|&byte| byte == 0);
        let pattern = &pattern[..end.unwrap_or(pattern.len())];
        let is_anchored = pattern.first() == Some(&b'^');
        Matcher { text, pattern, captures: vec![], level: 0, steps: 0, is_anchored }
    }

    pub fn text(&self) -> &'t [u8] {
        self.text
    }

    pub fn captures(&self) -> &[Capture] {
        &self.captures
    }

    /// The first match that begins at `start` or later.
    pub fn find(&mut self, lua: &mut Lua, start: usize) -> LuaResult<Option<(usize, usize)>> {
        for from in start..=self.text.len() {
            if let Some(to) = self.match_at(lua, from)? {
                return Ok(Some((from, to)));
            }
            if self.is_anchored {
                break;
            }
        }
        Ok(None)
    }

    /// The end of a match that begins here.
    pub fn match_at(&mut self, lua: &mut Lua, from: usize) -> Outcome {
        self.captures.clear();
        self.level = 0;
        let end = self.run(lua, from, usize::from(self.is_anchored));
        lua.work(std::mem::take(&mut self.steps) / 2)?;
        end
    }

    fn pay(&mut self, lua: &mut Lua) -> LuaResult<()> {
        self.steps += 1;
        if 4096 < self.steps {
            lua.work(std::mem::take(&mut self.steps) / 2)?;
        }
        Ok(())
    }

    fn run(&mut self, lua: &mut Lua, at: usize, item: usize) -> Outcome {
        self.level += 1;
        if LEVELS < self.level {
            return Err(lua.error("pattern too complex"));
        }
        let end = self.items(lua, at, item);
        self.level -= 1;
        end
    }

    fn items(&mut self, lua: &mut Lua, mut at: usize, mut item: usize) -> Outcome {
        loop {
            self.pay(lua)?;
            let Some(&byte) = self.pattern.get(item) else { return Ok(Some(at)) };
            let next = self.pattern.get(item + 1);
            match (byte, next) {
                (b'(', Some(b')')) => return self.open(lua, at, item + 2, Capture::Position(at)),
                (b'(', _) => return self.open(lua, at, item + 1, Capture::Open(at)),
                (b')', _) => return self.close(lua, at, item + 1),
                (b'$', None) => return Ok((at == self.text.len()).then_some(at)),
                (b'%', Some(b'b')) => {
                    let Some(end) = self.balanced(lua, at, item + 2)? else { return Ok(None) };
                    (at, item) = (end, item + 4);
                    continue;
                }
                (b'%', Some(b'f')) => {
                    let Some(after) = self.frontier(lua, at, item + 2)? else { return Ok(None) };
                    item = after;
                    continue;
                }
                (b'%', Some(digit)) if digit.is_ascii_digit() => {
                    let Some(end) = self.back_reference(lua, at, *digit)? else { return Ok(None) };
                    (at, item) = (end, item + 2);
                    continue;
                }
                _ => {}
            }
            let end = self.class_end(lua, item)?;
            match self.pattern.get(end) {
                Some(b'?') => {
                    if self.matches_one(at, item, end) {
                        let saved = self.captures.len();
                        if let Some(found) = self.run(lua, at + 1, end + 1)? {
                            return Ok(Some(found));
                        }
                        self.captures.truncate(saved);
                    }
                    item = end + 1;
                }
                Some(b'*') => return self.longest(lua, at, item, end, 0),
                Some(b'+') => return self.longest(lua, at, item, end, 1),
                Some(b'-') => return self.shortest(lua, at, item, end),
                _ if self.matches_one(at, item, end) => (at, item) = (at + 1, end),
                _ => return Ok(None),
            }
        }
    }

    fn open(&mut self, lua: &mut Lua, at: usize, item: usize, capture: Capture) -> Outcome {
        if MOST_CAPTURES <= self.captures.len() {
            return Err(lua.error("too many captures"));
        }
        self.captures.push(capture);
        let count = self.captures.len();
        let end = self.run(lua, at, item)?;
        if end.is_none() {
            self.captures.truncate(count - 1);
        }
        Ok(end)
    }

    fn close(&mut self, lua: &mut Lua, at: usize, item: usize) -> Outcome {
        let is_open = |capture: &Capture| matches!(capture, Capture::Open(_));
        let Some(index) = self.captures.iter().rposition(is_open) else {
            return Err(lua.error("invalid pattern capture"));
        };
        let before = self.captures[index];
        if let Capture::Open(from) = before {
            self.captures[index] = Capture::Text(from, at);
        }
        let end = self.run(lua, at, item)?;
        if end.is_none() {
            self.captures[index] = before;
        }
        Ok(end)
    }

    /// `%bxy`: from an x to the y that closes it.
    fn balanced(&mut self, lua: &mut Lua, at: usize, item: usize) -> Outcome {
        let &[open, close] = self.pattern.get(item..item + 2).unwrap_or(&[]) else {
            return Err(lua.error("unbalanced pattern"));
        };
        if self.text.get(at) != Some(&open) {
            return Ok(None);
        }
        let mut depth = 1;
        for (offset, &byte) in self.text[at + 1..].iter().enumerate() {
            self.pay(lua)?;
            if byte == close {
                depth -= 1;
                if depth == 0 {
                    return Ok(Some(at + offset + 2));
                }
            } else if byte == open {
                depth += 1;
            }
        }
        Ok(None)
    }

    /// `%f[set]`: between a byte outside and a byte inside the set; the item after it.
    fn frontier(&mut self, lua: &mut Lua, at: usize, item: usize) -> Outcome {
        if self.pattern.get(item) != Some(&b'[') {
            return Err(lua.error("missing '[' after '%f' in pattern"));
        }
        let end = self.class_end(lua, item)?;
        let before = at.checked_sub(1).map_or(0, |i| self.text[i]);
        let here = self.text.get(at).copied().unwrap_or(0);
        let fits = !self.in_set(before, item, end) && self.in_set(here, item, end);
        Ok(fits.then_some(end))
    }

    fn back_reference(&mut self, lua: &mut Lua, at: usize, digit: u8) -> Outcome {
        let capture = usize::from(digit).checked_sub(usize::from(b'1'));
        match capture.and_then(|i| self.captures.get(i)) {
            Some(&Capture::Text(from, to)) => {
                let wanted = &self.text[from..to];
                self.steps += wanted.len() / 8;
                Ok(self.text[at..].starts_with(wanted).then_some(at + wanted.len()))
            }
            _ => Err(lua.error("invalid capture index")),
        }
    }

    fn longest(
        &mut self,
        lua: &mut Lua,
        at: usize,
        item: usize,
        end: usize,
        least: usize,
    ) -> Outcome {
        let mut count = 0;
        while self.matches_one(at + count, item, end) {
            self.pay(lua)?;
            count += 1;
        }
        while least <= count {
            if let Some(found) = self.run(lua, at + count, end + 1)? {
                return Ok(Some(found));
            }
            let Some(fewer) = count.checked_sub(1) else { break };
            count = fewer;
        }
        Ok(None)
    }

    fn shortest(&mut self, lua: &mut Lua, mut at: usize, item: usize, end: usize) -> Outcome {
        loop {
            if let Some(found) = self.run(lua, at, end + 1)? {
                return Ok(Some(found));
            }
            if !self.matches_one(at, item, end) {
                return Ok(None);
            }
            at += 1;
        }
    }

    /// Where the single-character class that begins at `item` ends.
    fn class_end(&self, lua: &Lua, item: usize) -> LuaResult<usize> {
        match self.pattern[item] {
            b'%' if item + 1 == self.pattern.len() => {
                Err(lua.error("malformed pattern (ends with '%')"))
            }
            b'%' => Ok(item + 2),
            b'[' => {
                let mut at = item + 1;
                if self.pattern.get(at) == Some(&b'^') {
                    at += 1;
                }
                // A `]` right after the opening stands for itself.
                loop {
                    let Some(&byte) = self.pattern.get(at) else {
                        return Err(lua.error("malformed pattern (missing ']')"));
                    };
                    at += if byte == b'%' { 2 } else { 1 };
                    if self.pattern.get(at) == Some(&b']') {
                        return Ok(at + 1);
                    }
                }
            }
            _ => Ok(item + 1),
        }
    }

    fn matches_one(&mut self, at: usize, item: usize, end: usize) -> bool {
        let Some(&byte) = self.text.get(at) else { return false };
        match self.pattern[item] {
            b'.' => true,
            b'%' => in_class(byte, self.pattern[item + 1]),
            b'[' => self.in_set(byte, item, end),
            literal => literal == byte,
        }
    }

    /// Whether a byte is in the set whose brackets are at `item` and `end - 1`.
    fn in_set(&mut self, byte: u8, item: usize, end: usize) -> bool {
        self.steps += (end - item) / 8;
        let is_negated = self.pattern[item + 1] == b'^';
        let mut members = &self.pattern[item + 1 + usize::from(is_negated)..end - 1];
        while let Some((&first, rest)) = members.split_first() {
            let (found, used) = match (first, rest) {
                (b'%', [class, ..]) => (in_class(byte, *class), 2),
                (_, [b'-', last, ..]) => ((first..=*last).contains(&byte), 3),
                _ => (first == byte, 1),
            };
            if found {
                return !is_negated;
            }
            members = &members[used..];
        }
        is_negated
    }
}

fn in_class(byte: u8, class: u8) -> bool {
    let found = match class.to_ascii_lowercase() {
        b'a' => byte.is_ascii_alphabetic(),
        b'c' => byte.is_ascii_control(),
        b'd' => byte.is_ascii_digit(),
        b'l' => byte.is_ascii_lowercase(),
        b'p' => byte.is_ascii_punctuation(),
        b's' => byte.is_ascii_whitespace() || byte == 0x0b,
        b'u' => byte.is_ascii_uppercase(),
        b'w' => byte.is_ascii_alphanumeric(),
        b'x' => byte.is_ascii_hexdigit(),
        b'z' => byte == 0,
        _ => return class == byte,
    };
    found != class.is_ascii_uppercase()
}
