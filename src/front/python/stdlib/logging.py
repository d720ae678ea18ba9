# What is logged goes nowhere, and no file is made for it.

NOTSET, DEBUG, INFO, WARNING, WARN, ERROR, CRITICAL, FATAL = 0, 10, 20, 30, 30, 40, 50, 50
BASIC_FORMAT = '%(levelname)s:%(name)s:%(message)s'


def _nothing(*args, **kwargs):
    pass


class Logger(object):
    """A logger, and what it is made of: every method does nothing."""

    def __init__(self, *args, **kwargs):
        self.handlers, self.filters, self.level, self.propagate, self.disabled = [], [], NOTSET, True, False

    def __getattr__(self, name):
        if name.startswith('__'):
            raise AttributeError(name)
        return _nothing


class Handler(Logger):
    pass


StreamHandler = FileHandler = NullHandler = RotatingFileHandler = TimedRotatingFileHandler = Handler
Formatter = Filter = LoggerAdapter = LogRecord = Handler
root = Logger()


def getLogger(name=None):
    return root


debug = info = warn = warning = error = critical = fatal = exception = log = _nothing
addLevelName = basicConfig = captureWarnings = disable = shutdown = setLoggerClass = _nothing


def getLevelName(level):
    return 'Level %s' % level
