from caffe.proto import caffe_pb2

net = caffe_pb2.NetParameter()
data = net.layer.add(name='data', type='Input', top=['data'])
data.input_param.shape.add().dim.extend([1, 3, 8, 8])
conv = net.layer.add()
conv.name, conv.type = 'conv', 'Convolution'
conv.bottom.append('data')
conv.top.append('conv')
conv.convolution_param.num_output = 2
conv.convolution_param.kernel_size.append(9)  # error[E0401]: a window of 9 does not fit into `data`
conv.convolution_param.weight_filler.type = 'xavier'
