import caffe  # error[E0821]: the program makes 2 nets
from caffe import layers as L, to_proto


def net(outputs):
    data = L.Input(shape=dict(dim=[1, 3, 8, 8]))
    return to_proto(L.Convolution(data, num_output=outputs, kernel_size=3, weight_filler=dict(type='xavier')))


for outputs in (2, 3):
    with open('net%d.prototxt' % outputs, 'w') as f:
        f.write(str(net(outputs)))
