// What can go wrong with text: only where the language task is in the build. Each start costs the
// 0.3 s in which LibTorch is loaded.
#ifdef STRAIT_WITH_TORCH

#include <filesystem>

#include "core/base/files.h"
#include "core/train/safetensors.h"
#include "tests/process/text_folder.h"

namespace strait {
namespace {

/// A scenario that trains on made-up text for two rounds.
class Place : public TextFolder {
 public:
  Place() {
    write_file_atomically(*this / "s.ini",
                          "[run]\nrounds = 2\ninner_steps = 2\n[pretrain]\nsteps = 2\n"
                          "[data]\ntext = text\nheld_out_windows = 4\n[network]\nkind = pipe\n");
  }

  std::string refused(const Words& more) const {
    return TextFolder::refused(Words{"run", "s.ini"} + more);
  }
};

TEST_CASE("missing text is refused with how to get it", "[process]") {
  const Place place;
  Child child = place.child();
  child.environment["STRAIT_DEPS"] = place / "text";
  CHECK(mistake({"run", "s.ini", "--data.text", "manpages"}, child) ==
        "no manual pages in " + (place / "text/manpages") +
            "; run scripts/setup.sh, or name a folder of text with data.text");
  CHECK(place.refused({"--data.text", "no"}) ==
        "data.text: no folder or file no; name text or token files, a folder of them, or write "
        "manpages (command line)");
}

TEST_CASE("text that does not suffice is refused with what is there", "[process]") {
  const Place place;
  const auto too_little = Catch::Matchers::StartsWith("too little ");
  CHECK_THAT(place.refused({"--data.held_out_windows", "100000"}), too_little);
  CHECK_THAT(place.refused({"--islands", "1024", "--data.sequences", "16"}), too_little);
  CHECK_THAT(
      place.refused({"--model.context", "500000", "--data.sequences", "1", "--islands", "1"}),
      too_little);
}

TEST_CASE("a language without pages is refused with those that have some", "[process]") {
  const Place place;
  std::filesystem::create_directories(place / "manpages/man1");
  write_file_atomically(place / "manpages/man1/open.1", ".SH NAME\nopen \\- opens\n");
  Child child = place.child();
  child.environment["STRAIT_DEPS"] = place / ".";
  CHECK_THAT(mistake({"run", "s.ini", "--data.text", "manpages", "--data.languages", "xx"}, child),
             Catch::StartsWith("no text for language 'xx' in ") && Catch::Contains("known: en"));
}

TEST_CASE("a record is whole, and a full disk leaves no cut file in it", "[process]") {
  const Place place;
  const Words run{"run", "s.ini", "--record"};
  const Ended whole = run_strait(run + Words{"whole"}, place.child());
  CAPTURE(whole.err);
  REQUIRE(whole.code == 0);
  const auto complete = files_in(place / "whole");
  CHECK(complete.count("manifest.json") == 1);
  CHECK(complete.count("round_0002/shared.safetensors") == 1);

  Child full = place.child();
  full.largest_file = 100'000;  // less than the model
  const Ended ended = run_strait(run + Words{"cut"}, full);
  CHECK(ended.code == 2);
  CHECK_THAT(only_line(ended), Catch::StartsWith("cannot write cut/"));
  for (const auto& [name, text] : files_in(place / "cut")) {
    CAPTURE(name);
    REQUIRE(complete.count(name) == 1);
    CHECK(text == complete.at(name));
  }
}

TEST_CASE("a record of data parallelism whose islands come and go is refused", "[process]") {
  const Place place;
  const Words run{
      "run",      "s.ini", "--run.strategy", "data_parallel", "--data_parallel.missing", "shrink",
      "--record", "new"};
  CHECK_THAT(mistake(run, place.child()),
             Catch::StartsWith("run.record: steps of data parallelism that an island has missed") &&
                 Catch::EndsWith("data_parallel.missing = wait where all islands stay"));
  CHECK_FALSE(std::filesystem::exists(place / "new"));
}

TEST_CASE("a model keeps the tokenizer of its text", "[process]") {
  const Place place;
  REQUIRE(place.run({"data", "prepare", "text", "--out", "pairs", "--vocabulary", "300"}).code ==
          0);
  const Ended trained = place.run({"run", "s.ini", "--data.text", "pairs", "--out", "runs"});
  CAPTURE(trained.err);
  REQUIRE(trained.code == 0);
  std::filesystem::remove_all(place / "pairs");

  const Ended sample = place.run({"sample", "runs/s-001", "--prompt", "one 1 1\none 1", "--tokens",
                                  "5", "--temperature", "0", "--logits", "logits.safetensors"});
  CAPTURE(sample.err);
  CHECK(sample.code == 0);
  CHECK_THAT(sample.out, Catch::StartsWith("one 1 1\none 1"));
  const Safetensors logits(place / "logits.safetensors");
  const auto tokens = std::ssize(logits.i64("tokens"));
  CHECK(tokens < 5 + 13);  // pairs are fewer than the prompt's bytes
  CHECK(logits.at("logits").shape == std::vector<std::int64_t>{tokens, 300});

  const Words more{"sample", "runs/s-001", "--logits", "x.safetensors"};
  CHECK(only_line(place.run(more + Words{"--tokens", "1000000"})) ==
        "--tokens 1000000: too many to keep the logits of; write 894783 or fewer");
  const Ended nowhere = place.run({"sample", "runs/s-001", "--logits", "no/x.safetensors"});
  CHECK(nowhere.code == 2);
  CHECK_THAT(only_line(nowhere), Catch::StartsWith("cannot write no/x.safetensors"));

  CHECK(place.run({"export", "runs/s-001", "--out", "gpt"}).code == 0);
  CHECK_THAT(read_file(place / "gpt/tokenizer.json"), Catch::Contains("<|endoftext|>"));
  CHECK_THAT(read_file(place / "gpt/tokenizer_config.json"), Catch::Contains("model_max_length"));
  CHECK_THAT(read_file(place / "gpt/config.json"), Catch::Contains("\"vocab_size\": 300"));

  const Words export_into{"export", "runs/s-001", "--out"};
  CHECK(only_line(place.run(export_into + Words{"gpt"})) ==
        "gpt is there already; remove it or give another name with --out");
  const auto before = files_in(place.child().folder);
  Child child = place.child();
  child.largest_file = 100'000;
  const Ended full = run_strait(export_into + Words{"more"}, child);
  CHECK(full.code == 2);
  CHECK_THAT(only_line(full), Catch::StartsWith("cannot write more.tmp-") &&
                                  Catch::EndsWith("or give another folder with --out"));
  CHECK(files_in(place.child().folder) == before);
}

TEST_CASE("a model that islands have trained as processes is there to be used", "[process]") {
  const Place place;
  const Ended real = place.run({"launch", "-n", "2", "s.ini", "--out", "real"});
  CAPTURE(real.out, real.err);
  REQUIRE(real.code == 0);
  REQUIRE(place.run({"run", "s.ini", "--islands", "2", "--out", "emulated"}).code == 0);
  const std::string model = "/s-001/checkpoints/final/shared.safetensors";
  CHECK(read_file(place / ("real" + model)) == read_file(place / ("emulated" + model)));
  const Ended sample = place.run({"sample", "real/s-001", "--tokens", "5"});
  CHECK(sample.code == 0);
  CHECK_FALSE(sample.out.empty());
}

TEST_CASE("a model of tokens that nobody knows is exported without a tokenizer", "[process]") {
  const Place place;
  std::string numbers;  // of two bytes
  for (int i = 0; i < 20'000; ++i)
    numbers += {static_cast<char>(i % 251), static_cast<char>(i % 2)};
  write_file_atomically(place / "tokens.bin", numbers);
  const Ended trained = place.run({"run", "s.ini", "--data.text", "tokens.bin",
                                   "--model.vocabulary", "512", "--out", "trained"});
  CAPTURE(trained.err);
  REQUIRE(trained.code == 0);
  CHECK_THAT(place.TextFolder::refused({"sample", "trained/s-001"}),
             Catch::Contains("has no tokenizer, so nobody knows what its 512 tokens stand for"));
  const Ended exported = place.run({"export", "trained/s-001", "--out", "gpt"});
  CHECK(exported.code == 0);
  CHECK_THAT(exported.err, Catch::StartsWith("WARNING: trained/s-001/checkpoints/final has no "));
  CHECK(files_in(place / "gpt").count("tokenizer.json") == 0);
}

TEST_CASE("a device that is not there is found before anything is made", "[process]") {
  const Place place;
  CHECK_THAT(place.refused({"--run.device", "cuda:63"}),
             Catch::StartsWith("run.device = cuda:63: "));
}

}  // namespace
}  // namespace strait

#endif
