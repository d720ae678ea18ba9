"""Writes what Caffe's own net_spec.py makes of the programs here: make.py CAFFE/python/caffe, with protobuf installed.

Python 3 divides otherwise than Python 2, for which the programs are written."""
import collections
import collections.abc
import contextlib
import importlib
import io
import os
import pathlib
import sys
import types

os.environ['PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION'] = 'python'
collections.Iterable = collections.abc.Iterable
own = sys.argv[1]
for name, folder in [('caffe', own), ('caffe.proto', own + '/proto')]:
    sys.modules[name] = types.ModuleType(name)
    sys.modules[name].__path__ = [folder]
messages = importlib.import_module('caffe.proto.caffe_pb2')
spec = importlib.import_module('caffe.net_spec')
sys.modules['caffe.proto'].caffe_pb2 = messages
for name in ['layers', 'params', 'NetSpec', 'to_proto']:
    setattr(sys.modules['caffe'], name, getattr(spec, name))
sys.modules['caffe'].TRAIN, sys.modules['caffe'].TEST = messages.TRAIN, messages.TEST
for program in pathlib.Path(__file__).parent.glob('*.py'):
    if program.name == 'make.py':
        continue
    out, text = io.StringIO(), program.read_text().replace(') / 3)', ') // 3)')
    with contextlib.redirect_stdout(out):
        exec(compile(text, program.name, 'exec'), {'__name__': '__main__'})
    program.with_suffix('.prototxt').write_text(out.getvalue())
