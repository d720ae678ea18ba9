import caffe
from caffe import layers as L, params as P


def block(bottom, **options):
    return L.Pooling(bottom, pool=P.Pooling.MAX, kernel_size=2, **options)


n = caffe.NetSpec()
n.data = L.Input(shape=dict(dim=[1, 3, 8, 8]))
n.pool = block(n.data, strid=2)  # error[E0301]: has no field named `strid`
filler = dict(type='gaussian', sdt=0.1)  # error[E0301]: has no field named `sdt`
n.conv = L.Convolution(n.pool, num_output=2, kernel_size=3, weight_filler=filler)
net = n.to_proto()
