"""The same as `digitrec serve`. A Space starts this file; `import app` gives its page, `demo`."""

import sys

from digitrec.demo import serve

if __name__ == "__main__":
    sys.exit(serve.main(program="app.py"))
_, demo = serve.load_demo()
