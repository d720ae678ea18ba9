# @case if
for x in [0, 1, 2, 3]:
    if x == 0:
        print('zero')
    elif x == 1:
        print('one')
    elif x == 2: print('two')
    else:
        print('many')
# @case while
n = 0
while n < 3:
    n += 1
    if n == 2:
        continue
    print(n)
else:
    print('else')
# @case while_break
n = 0
while True:
    n += 1
    if n > 3: break
else:
    print('never')
print(n)
# @case for_else
for x in [1, 2]:
    pass
else:
    print('else')
for x in [1, 2]:
    break
else:
    print('never')
print(x)
# @case nested_loops
for i in range(3):
    for j in range(3):
        if j == i:
            break
        print(i, j)
    else:
        print('full', i)
# @case loop_variable
for i in range(3):
    pass
print(i)
for i in []:
    pass
print(i)
# @case modify_while_iterating
l = [1, 2, 3]
for x in l:
    if x < 3 and len(l) < 6:
        l.append(x + 10)
print(l)
# @case try_except
try:
    1 / 0
except ZeroDivisionError as e:
    print('caught', e)
else:
    print('never')
finally:
    print('finally')
try:
    pass
except Exception:
    print('never')
else:
    print('else')
# @case except_order
for exc in [KeyError('k'), IndexError('i'), ValueError('v'), TypeError('t')]:
    try:
        raise exc
    except KeyError:
        print('key')
    except LookupError as e:
        print('lookup', e)
    except (ValueError, TypeError) as e:
        print('pair', type(e).__name__, e)
# @case bare_except
try:
    undefined
except:
    print('caught')
# @case reraise
try:
    try:
        raise ValueError('x')
    except ValueError:
        print('inner')
        raise
except ValueError as e:
    print('outer', e)
# @case raise_from
try:
    try:
        raise KeyError('a')
    except KeyError as e:
        raise ValueError('b') from e
except ValueError as e:
    print(e)
# @case finally_return
def f():
    try:
        return 'try'
    finally:
        print('finally')
def g():
    for i in range(3):
        try:
            continue
        finally:
            print('f', i)
    return 'end'
def h():
    try:
        raise ValueError
    finally:
        return 'swallowed'
print(f(), g(), h())
# @case finally_exception
try:
    try:
        1 / 0
    finally:
        print('cleanup')
except ZeroDivisionError:
    print('outer')
# @case exception_variable_gone
try:
    raise ValueError('x')
except ValueError as e:
    pass
e
# @case raise_class
raise ValueError
# @case raise_instance
raise ValueError('message')
# @case raise_several_arguments
raise ValueError('a', 1)
# @case raise_nothing
raise
# @case raise_non_exception
raise 5
# @case key_error_message
raise KeyError('key')
# @case custom_exception
class MyError(ValueError):
    def __init__(self, code):
        super(MyError, self).__init__('code %d' % code)
        self.code = code
try:
    raise MyError(7)
except ValueError as e:
    print(e, e.code, e.args, isinstance(e, MyError), repr(e))
raise MyError(8)
# @case custom_exception_str
class E(Exception):
    def __str__(self):
        return 'custom text'
raise E(1, 2)
# @case exception_args
e = Exception('a', 2)
print(e.args, str(e), repr(e), str(Exception()), repr(Exception()), str(Exception('x')), repr(ValueError('y')))
# @case assert
assert True
assert 1 == 1, 'fine'
try:
    assert False, 'message %d' % 3
except AssertionError as e:
    print(e)
assert False
# @case assert_message
assert 1 > 2, 'one is not more'
# @case uncaught_in_function
def f():
    g()
def g():
    raise RuntimeError('deep')
f()
# @case pass_and_ellipsis
def f():
    ...
class A: pass
if True: pass
print(f())
# @case semicolons
a = 1; b = 2; print(a, b);
if a: print('x'); print('y')
# @case line_continuation
x = 1 + \
    2 + \
    3
y = (1 +
     2

     + 3)
if x == 6 and \
        y == 6:
    print(x, y)
# @case comments_and_blank_lines

# leading
def f():  # trailing

    # inside

    return 1  # end

        # odd indentation of a remark
print(f())
# @case tabs
if True:
	x = 1
	if x:
		print('tab')
# @case one_line_blocks
for i in range(2): print(i)
while False: pass
class A: x = 1
def f(): return 5
try: 1 / 0
except ZeroDivisionError: print('zero')
finally: print('done')
print(A.x, f())
# @case deep_indentation
def f(n):
    if n:
        for i in range(n):
            while i:
                try:
                    if i == 2:
                        return i
                finally:
                    i -= 1
                    break
    return -1
print(f(4))
# @case conditional_imports
try:
    import no_such_module
except ImportError as e:
    print('missing', e)
# @case print_options
print('a', 'b', sep='-', end='!\n')
print()
print('x', end='')
print('y')
print(1, 'a', None, [1, 'b'], sep=', ')
# @case truthiness
for x in [0, 1, '', 'a', [], [0], None, 0.0, {}, {1: 2}, set(), (), (0,)]:
    print(1 if x else 0, end=' ')
print()
# @case delete_item_in_loop
d = {'a': 1, 'b': 2, 'c': 3}
for k in list(d):
    if d[k] == 2:
        del d[k]
print(d)
# @case global_statement_at_module
global q
q = 1
print(q)
# @case chained_comparison_mixed
x = 5
print(1 < x < 10, 1 < x > 3, x == 5 != 6, 'a' in 'abc' in ['abc'], 1 < 2 in [2])
# @case exception_in_else
try:
    try:
        pass
    except ValueError:
        print('no')
    else:
        raise ValueError('from else')
    finally:
        print('cleanup')
except ValueError as e:
    print(e)
# @case nested_exceptions
def f(x):
    try:
        try:
            return 10 // x
        except ZeroDivisionError:
            raise ValueError('zero')
        finally:
            print('inner')
    except ValueError as e:
        return str(e)
    finally:
        print('outer')
print(f(2), f(0))
# @case break_in_finally_free_loop
for i in range(5):
    try:
        if i == 3:
            break
    finally:
        print(i)
# @case unary_chain
print(not not True, - - 1, not [], ~~5)
# @case name_error_suggestion_text
try:
    pritn('x')
except NameError as e:
    print(e)
# @case with_in_generator_entered_in_part
class M(object):
    def __enter__(self): print('enter'); return self
    def __exit__(self, *a): print('exit', a[0].__name__); return False
def bad(): raise ValueError('x')
def gen():
    with M(), bad():
        yield 1
try: list(gen())
except ValueError as e: print(e)
# @case with_in_generator_raises_again
class N(object):
    def __enter__(self): return self
    def __exit__(self, *a): raise
def gen():
    with N():
        yield 1
        raise ValueError('y')
try: list(gen())
except Exception as e: print(type(e).__name__, e)
# @case with_in_generator_left_by_an_error_of_the_inner
class M(object):
    def __init__(self, name): self.name = name
    def __enter__(self): return self
    def __exit__(self, *a):
        print(self.name, a[0] and a[0].__name__)
        if self.name == 'inner': raise KeyError('k')
        return True
def gen():
    with M('outer'), M('inner'):
        yield 1
    yield 2
print(list(gen()))
# @case exception_is_forgotten_in_generator
def gen():
    try: 1 / 0
    except ZeroDivisionError as e:
        yield type(e).__name__
        yield type(e).__name__
    try: e
    except NameError: yield 'gone'
print(list(gen()))
# @case finally_after_a_wrong_handler_in_generator
def gen():
    try:
        yield 1
        1 / 0
    except missing:
        yield 2
    finally:
        print('finally')
try: print(list(gen()))
except NameError as e: print(type(e).__name__)
# @case generator_send
def averages():
    total, count, mean = 0.0, 0, None
    while True:
        value = yield mean
        if value is None: return 'done'
        total += value; count += 1
        mean = total / count
g = averages()
print(next(g), g.send(4), g.send(8), g.send(0))
try: g.send(None)
except StopIteration as e: print(e.value, e.args)
print(list(g))
# @case generator_send_too_early
def g(): yield 1
try: g().send(1)
except TypeError as e: print(e)
# @case yield_in_the_middle_of_expressions
def g():
    x = [(yield 1), (yield 2)]
    print(x)
    print('sum', (yield 3) + (yield 4), max((yield 5), 2))
    if (yield 6) and (yield 7): print('both')
    return (yield 8)
it, sent = g(), 10
out = [next(it)]
try:
    while True:
        out.append(it.send(sent)); sent += 1
except StopIteration as e: print(out, e.value)
# @case yield_from_value
def inner(n):
    got = []
    for i in range(n): got.append((yield i))
    return got
def outer():
    a = yield from inner(2)
    b = yield from inner(1)
    yield from 'xy'
    print(a, b, (yield from ()))
    return a + b
o = outer()
print(next(o), o.send('p'), o.send('q'), o.send('r'), next(o))
try: next(o)
except StopIteration as e: print(e.value)
# @case yield_from_throws_to_the_inner
def inner():
    while True:
        try: yield 'in'
        except ValueError as e: yield 'caught %s' % e
def outer():
    try: yield from inner()
    except KeyError: yield 'outer'
o = outer()
print(next(o), o.throw(ValueError('v')), next(o), o.throw(KeyError('k')))
print(list(o))
# @case generator_close
def g():
    try: yield 1
    except GeneratorExit:
        print('exit'); raise
    finally: print('finally')
it = g()
print(next(it)); it.close(); it.close(); print(list(it))
g().close()
def stubborn():
    try: yield 1
    except GeneratorExit: yield 2
s = stubborn(); next(s)
try: s.close()
except RuntimeError as e: print(e)
# @case generator_throw_at_the_ends
def g(): yield 1
it = g()
try: it.throw(ValueError('early'))
except ValueError as e: print(e)
print(list(it))
it = g(); list(it)
try: it.throw(ValueError('late'))
except ValueError as e: print(e)
# @case generators_handle_exceptions_each_for_itself
import sys
def g():
    try: 1 / 0
    except ZeroDivisionError:
        yield 1
        try: raise
        except ZeroDivisionError as e: yield type(e).__name__
it = g()
try: raise KeyError('k')
except KeyError:
    print(next(it))
    try: raise
    except KeyError as e: print('outside', e)
    print(next(it))
# @case generator_within_itself
def g():
    yield 1
    yield from it
it = g()
try: print(list(it))
except ValueError as e: print(e)
# @case generator_with_a_lambda
f = lambda x: (yield x)
print(list(f(3)))
# @case generators_that_are_left_in_the_middle
def g(n):
    with_others = [g(n - 1)] if n else []
    for other in with_others: next(other)
    yield n
    yield with_others
kept = [g(20) for _ in range(20)]
for it in kept: next(it)
del kept, it
print('gone')
# @case many_generators_one_after_the_other
def one(i): yield i
print(sum(next(one(i)) for i in range(20000)))
# @case deep_recursion_within_a_generator
def deep(n): return 0 if n == 0 else 1 + deep(n - 1)
def g():
    for n in (10, 500): yield deep(n)
print(list(g()))
# @case walk_of_a_tree
def walk(tree):
    if isinstance(tree, list):
        for part in tree: yield from walk(part)
    else: yield tree
nest = 0
for i in range(1, 150): nest = [nest, i]
print(sum(walk(nest)), len(list(walk(nest))))
