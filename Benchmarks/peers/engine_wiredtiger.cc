// engine_wiredtiger.cc: the B-tree of WiredTiger with its log, cache 1,500 MB.
//
// Codec: none, or lz4 or snappy where the library was built with it. A checkpoint each minute, or each
// 2 GB of log.
#include <stdio.h>
#include <string.h>
#include <wiredtiger.h>
#include <vector>
#include "peerbench.h"
namespace {
struct Wt : Engine {
  WT_CONNECTION *c = nullptr; Options o; struct S { WT_SESSION *s = nullptr; WT_CURSOR *u = nullptr; }; std::vector<S> ss;
  void ck(int rc) { if (rc) die("wiredtiger: %s", wiredtiger_strerror(rc)); }
  S &at(int t) { S &s = ss[t]; if (!s.u) { ck(c->open_session(c, nullptr, nullptr, &s.s)); ck(s.s->open_cursor(s.s, "table:t", nullptr, "overwrite=true", &s.u)); } return s; }
  void open(const Options &opt) override {
    o = opt; std::string cfg = "create,cache_size=1500MB,session_max=64,checkpoint=(wait=60,log_size=2GB),log=(enabled=true,file_max=100MB),transaction_sync=(enabled=";
    cfg += o.sync == Sync::Each ? "true,method=fsync)" : "false)";
    ck(wiredtiger_open(o.dir.c_str(), nullptr, cfg.c_str(), &c)); WT_SESSION *s; ck(c->open_session(c, nullptr, nullptr, &s));
    std::string t = "key_format=u,value_format=u,leaf_value_max=2MB"; if (o.codec != "none") t += ",block_compressor=" + o.codec;
    ck(s->create(s, "table:t", t.c_str())); s->close(s, nullptr); ss.resize(o.threads + 1);
  }
  void put(int t, const char *k, size_t kn, const char *v, size_t vn) override {
    WT_CURSOR *u = at(t).u; WT_ITEM a{}, b{}; a.data = k; a.size = kn; b.data = v; b.size = vn; u->set_key(u, &a); u->set_value(u, &b); ck(u->insert(u));
  }
  bool get(int t, const char *k, size_t kn, Ref *out) override {
    WT_CURSOR *u = at(t).u; WT_ITEM a{}, b{}; a.data = k; a.size = kn; u->set_key(u, &a); if (u->search(u)) return false; u->get_value(u, &b); *out = {(const char *)b.data, b.size}; return true;
  }
  void sync() override { ck(at(0).s->log_flush(at(0).s, "sync=on")); }
  void close() override { ck(c->close(c, nullptr)); }
};
}  // namespace
Engine *make_engine(const std::string &n) { return n == "wiredtiger" ? new Wt : nullptr; }
