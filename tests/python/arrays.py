# @case places_of_arrays
import numpy as np


def show(value):
    if isinstance(value, tuple):
        for part in value:
            show(part)
        return

    def one(x):
        return [one(part) for part in x] if isinstance(x, list) else x if isinstance(x, (bool, int)) else '%.9g' % x
    print(one(np.array(value).tolist()))


a = np.arange(24).reshape(2, 3, 4)
show(a[0])
show(a[...,None].shape)
show(a[:,None,1])
show(a[...,-1])
show(a[1,...,::2])
show(a[:, [2,0]])
show(a[a>20])
show(a[[0,1],[1,2],[3,0]])
show(a[None].shape)
show(a[0,1,2])
show(a[-1,::-1,1:3])
show(a[:, np.array([0,2]), 1])
# @case functions_along_axes_1
import numpy as np


def show(value):
    if isinstance(value, tuple):
        for part in value:
            show(part)
        return

    def one(x):
        return [one(part) for part in x] if isinstance(x, list) else x if isinstance(x, (bool, int)) else '%.9g' % x
    print(one(np.array(value).tolist()))


a = np.arange(24).reshape(2, 3, 4)
show(a.sum(0))
show(a.sum((0,2)))
show(a.sum(-1,keepdims=True).shape)
show(np.mean(a,axis=(1,2)))
show(a.max(1))
show(a.argmax(2))
show(np.std(a,0))
show(np.var(a,axis=1,ddof=1))
show(a.cumsum(1))
show(np.cumprod(a[0,:2],axis=1))
show(a.T.shape)
show(np.transpose(a,(2,0,1)).shape)
show(np.swapaxes(a,0,2).shape)
show(np.moveaxis(a,0,-1).shape)
show(np.rollaxis(a,2).shape)
show(a.any(0))
show(np.all(a>=0))
show(np.median(a))
show(np.sort(-a,axis=1))
# @case functions_along_axes_2
import numpy as np


def show(value):
    if isinstance(value, tuple):
        for part in value:
            show(part)
        return

    def one(x):
        return [one(part) for part in x] if isinstance(x, list) else x if isinstance(x, (bool, int)) else '%.9g' % x
    print(one(np.array(value).tolist()))


a = np.arange(24).reshape(2, 3, 4)
show(np.argsort(-a[0],axis=0))
show(np.flip(a,1))
show(a.prod(0))
show(a.min(axis=(0,1),keepdims=True))
show(np.roll(a,1,axis=2))
show(np.roll(a[0],2))
show(np.take(a,[1,0],axis=1))
show(a.ravel()[5])
show((a%2==0).sum())
show(np.where(a%2,a,-1))
show(np.where(a[0]>5))
show(np.argwhere(a[0]>9))
show(np.nonzero(a[0,0]))
show(np.clip(a,3,9))
show(a.clip(2,5).mean())
show(np.diff(a[0,0]))
show(np.unique([3,1,1]))
# @case grids_and_ranges
import numpy as np


def show(value):
    if isinstance(value, tuple):
        for part in value:
            show(part)
        return

    def one(x):
        return [one(part) for part in x] if isinstance(x, list) else x if isinstance(x, (bool, int)) else '%.9g' % x
    print(one(np.array(value).tolist()))


show(np.linspace(0,1,5))
show(np.linspace(0,10,4,endpoint=False))
show(np.logspace(0,2,3))
show(np.arange(3,0,-1))
show(np.arange(0,1,.25))
show(np.eye(2,3))
show(np.full((2,2),7))
show(np.zeros((2,),np.int32))
show(np.ones_like([1.5,2]))
show(np.indices((2,3)))
show(np.mgrid[0:2,0:3])
show(np.ogrid[:2,:3][1])
show(np.meshgrid([1,2],[3,4,5])[0])
show(np.tile([1,2],(2,2)))
show(np.repeat([[1],[2]],2,axis=0))
show(np.repeat([1,2],3))
show(np.concatenate([[1],[2,3]]))
show(np.vstack([[1,2],[3,4]]))
show(np.hstack([[[1],[2]],[[3],[4]]]))
show(np.dstack([[1,2],[3,4]]))
show(np.stack([[1,2],[3,4]],axis=1))
show(np.column_stack([[1,2],[3,4]]))
show(np.split(np.arange(6),3)[1])
show(np.diag([1,2]))
# @case arrays_of_arrays
import numpy as np


def show(value):
    if isinstance(value, tuple):
        for part in value:
            show(part)
        return

    def one(x):
        return [one(part) for part in x] if isinstance(x, list) else x if isinstance(x, (bool, int)) else '%.9g' % x
    print(one(np.array(value).tolist()))


show(np.diag([[1,2],[3,4]],1))
show(np.tril(np.ones((3,3))))
show(np.triu(np.ones((3,3)),1))
show(np.outer([1,2],[3,4]))
show(np.dot([[1,2]],[[3],[4]]))
show(np.dot([1,2],[3,4]))
show(np.matmul(np.eye(2),[[1,2],[3,4]]))
show(np.linalg.norm([3,4]))
show(np.linalg.inv([[1,2],[3,4]]))
show(np.linalg.det([[1,2],[3,4]]))
show(np.linalg.solve([[2,0],[0,4]],[2,4]))
show(np.pad([[1,2]],1,'constant'))
show(np.pad([1,2],(1,2),mode='constant',constant_values=9))
show(np.rot90([[1,2],[3,4]]))
show(np.fliplr([[1,2],[3,4]]))
show(np.broadcast_to([1,2],(2,2)))
show(np.expand_dims([1,2],0))
show(np.squeeze([[1,2]]))
show(np.maximum([1,5],[3,2]))
show(np.power(2,[1,2]))
show(np.exp([0,1]))
show(np.log1p([0,1]))
show(np.sign([-2,0,3]))
show(np.floor([1.5,-1.5]))
# @case elements_and_matrices
import numpy as np


def show(value):
    if isinstance(value, tuple):
        for part in value:
            show(part)
        return

    def one(x):
        return [one(part) for part in x] if isinstance(x, list) else x if isinstance(x, (bool, int)) else '%.9g' % x
    print(one(np.array(value).tolist()))


show(np.round([1.25,2.5],1))
show(np.sqrt([4,9]))
show(np.isnan([1,float('nan')]))
show(np.allclose([1],[1+1e-9]))
show(np.array_equal([1],[1]))
show(np.logical_and([1,0],[1,1]))
show(np.prod((2,3)))
show(np.prod([]))
show(np.float32(2.5)+1)
show(np.array([[1,2],[3,4]])@np.array([1,1]))
show(np.array([1,2])*2.5+np.array([[1],[2]]))
show(-np.array([1,2])**2)
show(np.array([5,7])//2)
show(7%np.array([2,3]))
show(np.array([1,2])==np.array([1,3]))
show(~np.array([True,False]))
show(np.array([True,False])&np.array([True,True]))
show(np.array([1,2,3]).mean())
show(np.asarray((1,2)).shape)
show(np.array(3).shape)
show(np.array([1,2]).reshape(-1,1))
show(len(np.zeros((3,2))))
show(np.pi)
show(np.arctan2(1,1))
# @case random_numbers
import numpy as np


def show(value):
    if isinstance(value, tuple):
        for part in value:
            show(part)
        return

    def one(x):
        return [one(part) for part in x] if isinstance(x, list) else x if isinstance(x, (bool, int)) else '%.9g' % x
    print(one(np.array(value).tolist()))


show(np.deg2rad(180))
show(np.trace(np.eye(3)))
show(np.random.RandomState(0).rand(3))
show(np.random.RandomState(1).randn(2,2))
show(np.random.RandomState(2).randint(0,10,5))
show(np.random.RandomState(3).uniform(-1,1,(2,)))
show(np.random.RandomState(4).normal(0,.1,3))
show(np.random.RandomState(5).permutation(5))
show(np.random.RandomState(42).choice(5,2))
# @case writing_into_arrays
import numpy as np
a = np.zeros((2, 3))
a[0] = 1
a[:, 1] = [5, 6]
a[a == 1] = 9
a[..., 2] += 2
print(a.tolist())
w = np.zeros((3, 3, 2, 2))
for i in range(2):
    w[:, :, i, i] = np.outer([1, 2, 1], [1, 2, 1]) / 16.
print(w[..., 0, 0].tolist(), w.sum())
b = a.copy()
b[0] = 9
print(a.tolist() == b.tolist(), [int(x) for x in b[0]], float(max(b[1])), 6 in b)
