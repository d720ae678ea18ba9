# The part six.moves of the package six.

range = xrange
xrange = xrange
zip = zip
map = map
filter = filter
reduce = reduce
input = input
