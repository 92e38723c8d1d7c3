"""httpd.py PORT DIRECTORY: serves files as fast as the kernel can, on 127.0.0.1."""
import http.server
import os
import sys


class Handler(http.server.SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def copyfile(self, source, outputfile):
        outputfile.flush()
        self.connection.sendfile(source)

    def log_message(self, *_):
        pass


class HttpServer(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        pass  # a client that goes away early


os.chdir(sys.argv[2])
HttpServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
