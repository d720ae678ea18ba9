# Messages without pycaffe's functions.
from caffe.proto import caffe_pb2
from google.protobuf import text_format

net = caffe_pb2.NetParameter(name='messages', force_backward=True)
data = net.layer.add()
data.name = 'data'
data.type = 'Input'
data.top.append('data')
data.input_param.shape.add().dim.extend([1, 3, 16, 16])
conv = net.layer.add()
text_format.Merge('name: "conv" type: "Convolution" bottom: "data" top: "conv" convolution_param { num_output: 4 kernel_size: 3 '
                  'weight_filler { type: "xavier" } }', conv)
conv.convolution_param.stride.append(2)
conv.convolution_param.bias_filler.value = 0.1
for name, word in [('pool1', caffe_pb2.PoolingParameter.AVE), ('pool2', caffe_pb2.PoolingParameter.MAX)]:
    pool = net.layer.add(name=name, type='Pooling')
    pool.bottom.extend(['conv'])
    pool.top.extend([name])
    pool.pooling_param.pool = word
    pool.pooling_param.kernel_size = 3
    pool.include.add().phase = caffe_pb2.TRAIN
    pool.param.extend([caffe_pb2.ParamSpec(lr_mult=0)])
last = net.layer.add()
last.CopyFrom(net.layer[1])
last.name, last.bottom[0], last.top[0] = 'last', 'pool1', 'last'
del last.convolution_param.stride[:]
assert last.HasField('convolution_param') and not last.HasField('pooling_param')
assert len(net.layer) == 5 and [layer.name for layer in net.layer if layer.type == 'Pooling'] == ['pool1', 'pool2']
print(text_format.MessageToString(net))
