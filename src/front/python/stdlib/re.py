# Regular expressions, tried one way after the other: what definitions do with names.

I = IGNORECASE = 2
M = MULTILINE = 8
S = DOTALL = 16
X = VERBOSE = 64

_digits = '0123456789'
_words = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_' + _digits
_spaces = ' \t\n\r\f\v'
_escaped = {'n': '\n', 't': '\t', 'r': '\r', 'f': '\f', 'v': '\v', 'a': '\a', '0': '\0'}
_classes = {'d': (_digits, False), 'D': (_digits, True), 'w': (_words, False), 'W': (_words, True),
            's': (_spaces, False), 'S': (_spaces, True)}


class error(Exception):
    pass


class _Reader(object):
    """A pattern as a tree: ('set', ...), ('group', ...), ('many', ...), ('or', ...), ('seq', ...)."""

    def __init__(self, text, flags):
        self.text, self.at, self.groups, self.names, self.flags = text, 0, 0, {}, flags

    def peek(self):
        return self.text[self.at:self.at + 1]

    def take(self):
        self.at += 1
        return self.text[self.at - 1]

    def fail(self, what):
        raise error('%s at position %d of the pattern %r' % (what, self.at, self.text))

    def choice(self):
        ways = [self.sequence()]
        while self.peek() == '|':
            self.take()
            ways.append(self.sequence())
        return ways[0] if len(ways) == 1 else ('or', ways)

    def sequence(self):
        parts = []
        while self.at < len(self.text) and self.peek() not in '|)':
            parts.append(self.repeated(self.atom()))
        return ('seq', parts)

    def repeated(self, node):
        while self.peek() in ('*', '+', '?', '{'):
            start, sign = self.at, self.take()
            low, high = {'*': (0, None), '+': (1, None), '?': (0, 1)}.get(sign, (0, 0))
            if sign == '{':
                end = self.text.find('}', self.at)
                inner = self.text[self.at:end] if end >= 0 else ''
                counts = inner.split(',')
                if len(counts) > 2 or not counts[0].isdigit() and not (len(counts) == 2 and counts[-1].isdigit()):
                    self.at = start
                    return node
                low = int(counts[0] or 0)
                high = (int(counts[1]) if counts[1] else None) if len(counts) == 2 else low
                self.at = end + 1
            lazy = self.peek() == '?'
            if lazy:
                self.take()
            node = ('many', node, low, high, lazy)
        return node

    def atom(self):
        c = self.take()
        if c == '(':
            return self.group()
        if c == '[':
            return self.set_()
        if c == '.':
            return ('set', '' if self.flags & DOTALL else '\n', [], True)
        if c in '^$':
            return (c,)
        if c == '\\':
            return self.escape()
        if c in '*+?':
            self.fail('nothing to repeat')
        return ('set', c, [], False)

    def escape(self):
        if self.at >= len(self.text):
            self.fail('bad escape (end of pattern)')
        c = self.take()
        if c in _classes:
            return ('set',) + (_classes[c][0], [], _classes[c][1])
        if c in 'bB':
            return (c,)
        if c == 'A':
            return ('A',)
        if c == 'Z':
            return ('Z',)
        if c.isdigit() and c != '0':
            return ('back', int(c))
        if c.isalpha() and c not in _escaped:
            self.fail('bad escape \\%s' % c)
        return ('set', _escaped.get(c, c), [], False)

    def group(self):
        if self.peek() != '?':
            self.groups += 1
            number = self.groups
            node = ('group', self.choice(), number)
        else:
            self.take()
            sign = self.take()
            if sign == ':':
                node = self.choice()
            elif sign in '=!':
                node = ('ahead', self.choice(), sign == '!')
            elif sign == 'P' and self.peek() == '<':
                self.take()
                end = self.text.index('>', self.at)
                name, self.at = self.text[self.at:end], end + 1
                self.groups += 1
                self.names[name] = self.groups
                number = self.groups
                node = ('group', self.choice(), number)
            else:
                self.fail('this sort of group is not known to cortado')
        if self.peek() != ')':
            self.fail('missing ), unterminated subpattern')
        self.take()
        return node

    def set_(self):
        inverted = self.peek() == '^'
        if inverted:
            self.take()
        chars, spans, first, outside = '', [], True, []
        while first or self.peek() != ']':
            first = False
            if self.at >= len(self.text):
                self.fail('unterminated character set')
            c = self.take()
            if c == '\\':
                c = self.take()
                if c in _classes:
                    if _classes[c][1]:
                        self.fail('\\%s within a set is not known to cortado' % c)
                    chars += _classes[c][0]
                    continue
                c = {'b': '\b'}.get(c, _escaped.get(c, c))
            if self.peek() == '-' and self.text[self.at + 1:self.at + 2] not in (']', ''):
                self.take()
                last = self.take()
                if last == '\\':
                    last = self.take()
                if last < c:
                    self.fail('bad character range %s-%s' % (c, last))
                spans.append((c, last))
            else:
                chars += c
        self.take()
        return ('set', chars, spans, inverted)


class _Way(object):
    """One try of a pattern on a text."""

    def __init__(self, text, flags):
        self.text, self.flags = text, flags

    def holds(self, node, c):
        forms = [c, c.lower(), c.upper()] if self.flags & IGNORECASE else [c]
        there = any([f in node[1] or any([a <= f <= b for a, b in node[2]]) for f in forms])
        return there != node[3]

    def ends(self, node, at, groups):
        # All places where the node can end, with the groups that are filled then, the preferred ones first.
        kind, text = node[0], self.text
        if kind == 'set':
            if at < len(text) and self.holds(node, text[at]):
                yield at + 1, groups
        elif kind == 'seq':
            for found in self.after(node[1], 0, at, groups):
                yield found
        elif kind == 'or':
            for way in node[1]:
                for found in self.ends(way, at, groups):
                    yield found
        elif kind == 'group':
            for end, filled in self.ends(node[1], at, groups):
                filled = dict(filled)
                filled[node[2]] = (at, end)
                yield end, filled
        elif kind == 'many':
            for found in self.many(node, at, groups):
                yield found
        elif kind == 'back':
            start, end = groups.get(node[1], (0, 0))
            part = text[start:end]
            if text[at:at + len(part)] == part:
                yield at + len(part), groups
        elif kind == 'ahead':
            there = any([True for _ in self.ends(node[1], at, groups)])
            if there != node[2]:
                yield at, groups
        elif self.stands(kind, at):
            yield at, groups

    def stands(self, kind, at):
        text, lines = self.text, self.flags & MULTILINE
        if kind == '^':
            return at == 0 or bool(lines) and text[at - 1] == '\n'
        if kind == '$':
            return at == len(text) or text[at:] == '\n' or bool(lines) and text[at] == '\n'
        if kind in 'AZ':
            return at == (0 if kind == 'A' else len(text))
        inside = [0 <= place < len(text) and text[place] in _words for place in (at - 1, at)]
        return (inside[0] != inside[1]) == (kind == 'b')

    def after(self, parts, number, at, groups):
        if number == len(parts):
            yield at, groups
            return
        for end, filled in self.ends(parts[number], at, groups):
            for found in self.after(parts, number + 1, end, filled):
                yield found

    def many(self, node, at, groups):
        _, inner, low, high, lazy = node
        if inner[0] == 'set':
            # As far as it goes, and back.
            most = at
            while most < len(self.text) and (high is None or most - at < high) and self.holds(inner, self.text[most]):
                most += 1
            ends = range(at + low, most + 1)
            for end in ends if lazy else list(ends)[::-1]:
                yield end, groups
            return
        for found in self.times(node, 0, at, groups):
            yield found

    def times(self, node, done, at, groups):
        _, inner, low, high, lazy = node
        if lazy and done >= low:
            yield at, groups
        if high is None or done < high:
            for end, filled in self.ends(inner, at, groups):
                if end != at or done < low:
                    for found in self.times(node, done + 1, end, filled):
                        yield found
        if not lazy and done >= low:
            yield at, groups


class _Match(object):
    def __init__(self, pattern, text, start, end, groups):
        self.re, self.string, self._start, self._end, self._groups = pattern, text, start, end, groups

    def _place(self, group):
        if group in self.re.groupindex:
            group = self.re.groupindex[group]
        if group == 0:
            return self._start, self._end
        if not isinstance(group, int) or not 0 < group <= self.re.groups:
            raise IndexError('no such group')
        return self._groups.get(group, (-1, -1))

    def _one(self, group):
        start, end = self._place(group)
        return None if start < 0 else self.string[start:end]

    def group(self, *groups):
        found = [self._one(group) for group in groups or (0,)]
        return found[0] if len(found) == 1 else tuple(found)

    def groups(self, default=None):
        all = [self._one(number + 1) for number in range(self.re.groups)]
        return tuple([default if text is None else text for text in all])

    def groupdict(self, default=None):
        return dict([(name, self._one(name)) for name in self.re.groupindex])

    def start(self, group=0):
        return self._place(group)[0]

    def end(self, group=0):
        return self._place(group)[1]

    def span(self, group=0):
        return self._place(group)

    def __getitem__(self, group):
        return self._one(group)

    def expand(self, template):
        made, at = '', 0
        while at < len(template):
            c = template[at]
            at += 1
            if c != '\\':
                made += c
                continue
            c = template[at:at + 1]
            at += 1
            if c == 'g' and template[at:at + 1] == '<':
                end = template.index('>', at)
                name = template[at + 1:end]
                made += self._one(int(name) if name.isdigit() else name) or ''
                at = end + 1
            elif c.isdigit():
                made += self._one(int(c)) or ''
            else:
                made += _escaped.get(c, c if c == '\\' else '\\' + c)
        return made


class _Pattern(object):
    def __init__(self, pattern, flags=0):
        reader = _Reader(pattern, flags)
        self._tree = reader.choice()
        if reader.at < len(pattern):
            reader.fail('unbalanced parenthesis')
        self.pattern, self.flags, self.groups, self.groupindex = pattern, flags, reader.groups, reader.names

    def _try(self, text, at, whole=False, further=False):
        for end, groups in _Way(text, self.flags).ends(self._tree, at, {}):
            if (not whole or end == len(text)) and (not further or end > at):
                return _Match(self, text, at, end, groups)
        return None

    def match(self, string, pos=0):
        return self._try(string, pos)

    def fullmatch(self, string, pos=0):
        return self._try(string, pos, True)

    def search(self, string, pos=0):
        return self._from(string, pos, False)

    def _from(self, string, pos, further):
        for at in range(pos, len(string) + 1):
            found = self._try(string, at, False, further and at == pos)
            if found:
                return found
        return None

    def finditer(self, string, pos=0):
        # Two empty ones are not found at one place.
        found = self._from(string, pos, False)
        while found:
            yield found
            found = self._from(string, found.end(), found.end() == found.start())

    def findall(self, string, pos=0):
        def told(found):
            groups = found.groups('')
            return found.group() if not groups else groups[0] if len(groups) == 1 else groups
        return [told(found) for found in self.finditer(string, pos)]

    def subn(self, repl, string, count=0):
        made, at, done = '', 0, 0
        for found in self.finditer(string):
            if count and done >= count:
                break
            made += string[at:found.start()]
            made += repl(found) if callable(repl) else found.expand(repl)
            at, done = found.end(), done + 1
        return made + string[at:], done

    def sub(self, repl, string, count=0):
        return self.subn(repl, string, count)[0]

    def split(self, string, maxsplit=0):
        parts, at, done = [], 0, 0
        for found in self.finditer(string):
            if maxsplit and done >= maxsplit:
                break
            parts.append(string[at:found.start()])
            parts += list(found.groups())
            at, done = found.end(), done + 1
        return parts + [string[at:]]


def compile(pattern, flags=0):
    return pattern if isinstance(pattern, _Pattern) else _Pattern(pattern, flags)


def match(pattern, string, flags=0):
    return compile(pattern, flags).match(string)


def fullmatch(pattern, string, flags=0):
    return compile(pattern, flags).fullmatch(string)


def search(pattern, string, flags=0):
    return compile(pattern, flags).search(string)


def findall(pattern, string, flags=0):
    return compile(pattern, flags).findall(string)


def finditer(pattern, string, flags=0):
    return compile(pattern, flags).finditer(string)


def sub(pattern, repl, string, count=0, flags=0):
    return compile(pattern, flags).sub(repl, string, count)


def subn(pattern, repl, string, count=0, flags=0):
    return compile(pattern, flags).subn(repl, string, count)


def split(pattern, string, maxsplit=0, flags=0):
    return compile(pattern, flags).split(string, maxsplit)


def escape(pattern):
    return ''.join([c if c in _words else '\\' + c for c in pattern])
