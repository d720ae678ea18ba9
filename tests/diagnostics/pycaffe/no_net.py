import caffe  # error[E0820]: the program makes no net
from caffe import layers as L, to_proto


def net(batch_size):
    data = L.Input(shape=dict(dim=[batch_size, 3, 8, 8]))
    return to_proto(L.Convolution(data, num_output=2, kernel_size=3, weight_filler=dict(type='xavier')))
