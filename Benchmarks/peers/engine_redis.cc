// engine_redis.cc: Redis as a child on a Unix socket, append-only file on, snapshots off.
//
// Synced puts are appendfsync always, others everysec. --batch is the depth of the pipeline. Processor
// time, memory and bytes written are the server's. It is killed with the process that started it.
#include <fcntl.h>
#include <hiredis/hiredis.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <string>
#include <vector>
#include "peerbench.h"
namespace {
struct Redis : Engine {
  Options o; int pid = 0; std::string sock; struct C { redisContext *c = nullptr; int pend = 0; std::vector<redisReply *> r; }; std::vector<C> cs;
  void open(const Options &opt) override {
    // The name of a socket has at most 107 bytes, so both sides name it within the directory.
    o = opt; int fd = ::open(o.dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); if (fd < 0) die("redis: no directory %s", o.dir.c_str());
    sock = "/proc/self/fd/" + std::to_string(fd) + "/redis.sock"; unlink(sock.c_str());
    const char *fs = o.sync == Sync::Each ? "always" : o.tune == "no" ? "no" : "everysec";
    if (!(pid = fork())) {
      prctl(PR_SET_PDEATHSIG, SIGKILL); if (fchdir(fd)) _exit(127);
      FILE *devnull = freopen("/dev/null", "w", stdout); (void)devnull;
      execlp("redis-server", "redis-server", "--bind", "127.0.0.1", "--port", "0", "--unixsocket", "redis.sock", "--dir", ".", "--appendonly", "yes", "--appendfsync", fs, "--save", "", "--daemonize", "no", "--logfile", "redis.log", (char *)nullptr);
      _exit(127);
    }
    cs.resize(o.threads + 1);
    for (int i = 0; i < 60000; i++) {  // up to 60 s of loading
      if (waitpid(pid, nullptr, WNOHANG)) die("redis-server did not start");
      redisContext *c = redisConnectUnix(sock.c_str());
      if (c && !c->err) { redisReply *r = (redisReply *)redisCommand(c, "PING"); bool ok = r && r->type == REDIS_REPLY_STATUS; if (r) freeReplyObject(r); redisFree(c); if (ok) return; } else if (c) redisFree(c);
      usleep(1000);
    }
    die("redis-server never answered");
  }
  redisContext *at(int t) { if (!cs[t].c) { cs[t].c = redisConnectUnix(sock.c_str()); if (!cs[t].c || cs[t].c->err) die("redis: connect"); } return cs[t].c; }
  void put(int t, const char *k, size_t kn, const char *v, size_t vn) override {
    redisContext *c = at(t); redisAppendCommand(c, "SET %b %b", k, kn, v, vn); cs[t].pend++; if (o.sync == Sync::Each || cs[t].pend >= o.batch) flush(t);
  }
  void flush(int t) override { C &x = cs[t]; for (; x.pend; x.pend--) { redisReply *r = nullptr; if (redisGetReply(at(t), (void **)&r) || !r || r->type == REDIS_REPLY_ERROR) die("redis: SET failed"); freeReplyObject(r); } }
  void drop(C &x) { for (auto r : x.r) freeReplyObject(r); x.r.clear(); }
  bool get(int t, const char *k, size_t kn, Ref *out) override { return get_many(t, k, kn, 1, out) == 1; }
  size_t get_many(int t, const char *ks, size_t kn, int n, Ref *out) override {
    redisContext *c = at(t); C &x = cs[t]; drop(x); size_t hit = 0;
    for (int i = 0; i < n; i++) redisAppendCommand(c, "GET %b", ks + i * kn, kn);
    for (int i = 0; i < n; i++) { redisReply *r = nullptr; if (redisGetReply(c, (void **)&r) || !r) die("redis: GET failed"); x.r.push_back(r); if (r->type == REDIS_REPLY_STRING) { out[i] = {r->str, r->len}; hit++; } else out[i] = {}; }
    return hit;
  }
  void sync() override { fsync_tree(o.dir); }
  void close() override { for (auto &x : cs) { drop(x); if (x.c) redisFree(x.c); } redisContext *c = redisConnectUnix(sock.c_str()); if (c) { redisReply *r = (redisReply *)redisCommand(c, "SHUTDOWN"); if (r) freeReplyObject(r); redisFree(c); } waitpid(pid, nullptr, 0); }
  int server_pid() override { return pid; }
  bool pipelined() override { return true; }
};
}  // namespace
Engine *make_engine(const std::string &n) { return n == "redis" ? new Redis : nullptr; }
