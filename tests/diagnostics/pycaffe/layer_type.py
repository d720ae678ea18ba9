import caffe
from caffe import layers as L

n = caffe.NetSpec()
n.data = L.Input(shape=dict(dim=[1, 3, 8, 8]))
n.conv = L.Convolutoin(n.data, num_output=2, kernel_size=3)  # error[E0201]: unknown layer type `Convolutoin`
net = n.to_proto()
