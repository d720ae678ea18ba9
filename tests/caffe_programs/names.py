# Names of layers and tops, where they are given and where pycaffe counts.
import caffe
from caffe import layers as L, params as P

n = caffe.NetSpec()
n.data, n.label = L.Data(batch_size=64, backend=P.Data.LMDB, source='train', transform_param=dict(scale=1. / 255), ntop=2)
n.conv1 = L.Convolution(n.data, kernel_size=5, num_output=20, weight_filler=dict(type='xavier'),
                        param=[dict(lr_mult=1), dict(lr_mult=2, decay_mult=0)])
n.pool1 = L.Pooling(n.conv1, kernel_size=2, stride=2, pool=P.Pooling.AVE)
n.ip1 = L.InnerProduct(n.pool1, num_output=10, weight_filler={'type': 'gaussian', 'std': 0.01})
n.relu1 = L.ReLU(n.ip1, in_place=True)
n['odd-name'] = L.Dropout(L.ReLU(n.relu1), dropout_ratio=0.3)
n.slice1, n.slice2 = L.Slice(n['odd-name'], slice_point=4, axis=1, ntop=2)
n.sum = L.Eltwise(n.slice1, L.Power(n.slice1, power=2), L.ReLU(L.ReLU(n.slice1)), operation=P.Eltwise.MAX)
n.loss = L.SoftmaxWithLoss(n['odd-name'], n.label, loss_weight=2, include=dict(phase=caffe.TRAIN))
n.silence = L.Silence(n.label, n.sum, n.slice2, ntop=0)
n.acc = L.Accuracy(n.ip1, n.label, name='accuracy', include={'phase': 1}, top_k=5)
n.again = L.InnerProduct(n.pool1, inner_product_param=dict(num_output=3, bias_term=False), propagate_down=[True])
n.py = L.Python(n.again, module='own', layer='Own', param_str=str(dict(a=1)), ntop=1)
print(n.to_proto())
