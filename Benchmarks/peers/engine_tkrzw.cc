// engine_tkrzw.cc: HashDBM of tkrzw, its file mapped into memory.
//
// Codec: none or lz4. Variants: "" updates in place; those that begin with "app" append instead; "crc"
// within the name adds a CRC-32 to each record, "pos" reads and writes by system calls.
#include <tkrzw_dbm_hash.h>
#include <tkrzw_file_mmap.h>
#include <tkrzw_file_pos.h>
#include <memory>
#include <vector>
#include "peerbench.h"
namespace {
struct Tk : Engine {
  std::unique_ptr<tkrzw::HashDBM> db; Options o; std::vector<std::string> v;
  void open(const Options &opt) override {
    o = opt; bool pos = o.tune.find("pos") != std::string::npos;
    db.reset(pos ? new tkrzw::HashDBM(std::make_unique<tkrzw::PositionalParallelFile>()) : new tkrzw::HashDBM(std::make_unique<tkrzw::MemoryMapParallelFile>()));
    tkrzw::HashDBM::TuningParameters p; p.num_buckets = o.keys * 2; p.offset_width = 5; p.align_pow = 3;
    p.update_mode = o.tune.find("app") == 0 ? tkrzw::HashDBM::UPDATE_APPENDING : tkrzw::HashDBM::UPDATE_IN_PLACE;
    if (o.tune.find("crc") != std::string::npos) p.record_crc_mode = tkrzw::HashDBM::RECORD_CRC_32;
    p.record_comp_mode = o.codec == "lz4" ? tkrzw::HashDBM::RECORD_COMP_LZ4 : tkrzw::HashDBM::RECORD_COMP_NONE;
    auto s = db->OpenAdvanced(o.dir + "/data.tkh", true, tkrzw::File::OPEN_DEFAULT, p); if (!s.IsOK()) die("tkrzw: %s", s.GetMessage().c_str());
    v.resize(o.threads + 1);
  }
  void put(int, const char *k, size_t kn, const char *p, size_t vn) override {
    auto s = db->Set({k, kn}, {p, vn}); if (!s.IsOK()) die("tkrzw: %s", s.GetMessage().c_str());
    if (o.sync == Sync::Each) sync();
  }
  bool get(int t, const char *k, size_t kn, Ref *out) override { if (!db->Get({k, kn}, &v[t]).IsOK()) return false; *out = {v[t].data(), v[t].size()}; return true; }
  void sync() override { auto s = db->Synchronize(true); if (!s.IsOK()) die("tkrzw: %s", s.GetMessage().c_str()); }
  void close() override { auto s = db->Close(); if (!s.IsOK()) die("tkrzw: %s", s.GetMessage().c_str()); }
};
}  // namespace
Engine *make_engine(const std::string &n) { return n == "tkrzw" ? new Tk : nullptr; }
