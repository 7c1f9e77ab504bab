# Generates the tables of plug-ins from the files in their folders.

# plugin_table(FOLDER KIND TABLE COUNT): FOLDER/*.c each define `const struct KIND KIND_<file name>`.
# Adds the files and a generated file with TABLE and COUNT to PLUGIN_SOURCES.
function(plugin_table folder kind table count)
  file(GLOB files CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${folder}/*.c)
  list(SORT files)
  set(externs "")
  set(entries "")
  foreach(file IN LISTS files)
    get_filename_component(name ${file} NAME_WE)
    string(APPEND externs "extern const struct ${kind} ${kind}_${name};\n")
    string(APPEND entries "\t&${kind}_${name},\n")
  endforeach()
  set(out ${CMAKE_BINARY_DIR}/generated/${table}.c)
  file(CONFIGURE OUTPUT ${out} @ONLY CONTENT
"#include \"harness/plugins.h\"\n\n@externs@
extern const struct @kind@ *const @table@[];
extern const size_t @count@;

const struct @kind@ *const @table@[] = {\n@entries@};
const size_t @count@ = sizeof(@table@) / sizeof(*@table@);
")
  set(PLUGIN_SOURCES ${PLUGIN_SOURCES} ${files} ${out} PARENT_SCOPE)
endfunction()

# scenario_table(FOLDER): the text of each FOLDER/*.ini, as an array of bytes.
function(scenario_table folder)
  file(GLOB files CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${folder}/*.ini)
  list(SORT files)
  set(arrays "")
  set(entries "")
  set(index 0)
  foreach(file IN LISTS files)
    get_filename_component(name ${file} NAME_WE)
    file(READ ${file} bytes HEX)
    string(REGEX REPLACE "(..)" "0x\\1," bytes "${bytes}")
    string(APPEND arrays "static const char text_${index}[] = {${bytes}0};\n")
    string(APPEND entries "\t{\"${name}\", text_${index}},\n")
    math(EXPR index "${index} + 1")
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
  endforeach()
  set(out ${CMAKE_BINARY_DIR}/generated/scenarios.c)
  file(CONFIGURE OUTPUT ${out} @ONLY CONTENT
"#include \"harness/plugins.h\"\n\n@arrays@
const struct builtin_scenario builtin_scenarios[] = {\n@entries@};
const size_t builtin_scenario_count = sizeof(builtin_scenarios) / sizeof(*builtin_scenarios);
")
  set(PLUGIN_SOURCES ${PLUGIN_SOURCES} ${out} PARENT_SCOPE)
endfunction()
